"""Talk to PostgreSQL: connections, catalogue, sessions, embedded servers."""
