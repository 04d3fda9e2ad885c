"""A shop that does the same on both databases."""
