"""Rules about the values of single columns."""
