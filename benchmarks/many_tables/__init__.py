"""A project of many small tables, for the benchmark of tables."""
