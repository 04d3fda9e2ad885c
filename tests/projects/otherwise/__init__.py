"""A shop that does on SQLite what PostgreSQL refuses or answers otherwise. A comment names the rule of each line."""
