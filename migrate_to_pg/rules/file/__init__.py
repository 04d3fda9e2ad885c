"""Rules about the database file as a whole."""
