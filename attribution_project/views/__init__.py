"""Pages that belong to no application: first page, database, import, errors, health."""
