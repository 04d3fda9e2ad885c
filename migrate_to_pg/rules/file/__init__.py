"""Rules about the database file."""
