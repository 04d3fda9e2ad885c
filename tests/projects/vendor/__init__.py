"""A project whose migrations differ by database, or change the database alone."""
