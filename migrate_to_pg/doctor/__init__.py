"""Diagnose a SQLite database, and repair it in place: the command sqlite_doctor."""
