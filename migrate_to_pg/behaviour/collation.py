"""Name the collation by which a database of PostgreSQL orders text."""

from __future__ import annotations

#: Asks for it. The locale of ICU, or of PostgreSQL's own provider, comes first: its column has another name in each
#: major version, and none before 15.
COLLATION = """\
SELECT coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale', datcollate)
FROM pg_database d WHERE datname = current_database()"""
#: Those that order by code points, as SQLite does.
BY_CODE = frozenset({"C", "POSIX", "C.UTF-8", "C.UTF8", "C.utf8", "ucs_basic", "pg_c_utf8"})
