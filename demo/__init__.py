"""The demonstration: python -m demo.run."""
