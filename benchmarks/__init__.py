"""What is measured, never tested: run by ``make bench``."""
