"""A project that spoke SQLite in its migrations for years."""
