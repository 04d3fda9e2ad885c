"""Show what pg_behaviour found: on a terminal, as a page, and to programs."""
