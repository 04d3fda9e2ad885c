"""Repair a SQLite database in place: the backup first, and the file as it was where anything fails."""
