"""What SQLite has and PostgreSQL may not have; LACKING says what of it: see the fields."""
