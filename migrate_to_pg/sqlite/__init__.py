"""Read SQLite databases: connections, schema, file format, snapshot."""
