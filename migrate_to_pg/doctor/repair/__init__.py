"""Repair a SQLite database in place, after a backup, or leave it unchanged where anything fails."""
