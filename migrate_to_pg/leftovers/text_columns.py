"""The text that PostgreSQL can hold, told from the other in SQLite itself."""

from __future__ import annotations

import sqlite3

#: Over {0}, a column that holds text. Printable ASCII, which most text is, does not leave SQLite; GLOB ends at a NUL,
#: which is looked for first.
_UTF8 = (
    "(instr(CAST({0} AS BLOB), x'00') = 0 AND ({0} NOT GLOB '*[^ -~]*' OR migrate_to_pg_storable(CAST({0} AS BLOB))))"
)
_UTF16 = "migrate_to_pg_storable(CAST({0} AS BLOB))"


def register(database: sqlite3.Connection) -> str:
    """Make the function known; returns SQL over ``{0}``, a column that holds text: 1 where PostgreSQL can hold it."""
    encoding = str(database.execute("PRAGMA encoding").fetchone()[0])

    def storable(raw: bytes) -> bool:
        try:
            return "\0" not in raw.decode(encoding)
        except UnicodeDecodeError:
            return False

    database.create_function("migrate_to_pg_storable", 1, storable, deterministic=True)
    return _UTF8 if encoding == "UTF-8" else _UTF16
