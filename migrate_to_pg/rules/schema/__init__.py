"""Rules about tables, columns and other objects of the schema."""
