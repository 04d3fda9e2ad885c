"""A project that Django's system checks refuse on PostgreSQL, and not on SQLite."""
