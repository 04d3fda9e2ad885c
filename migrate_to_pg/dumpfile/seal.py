"""An SQLite file in, what it is besides its rows out: the lines of its schema and the numbers of its header."""

from __future__ import annotations

import sqlite3

from migrate_to_pg.dumpfile.manifest import Database, SchemaLine


def database_facts(database: sqlite3.Connection) -> Database:
    """What a connection finds in its file."""
    lines = database.execute("SELECT type, name, tbl_name, sql, rootpage > 0 FROM sqlite_master ORDER BY rowid")
    return Database(
        schema=tuple(
            SchemaLine(type=kind, name=name, tbl_name=table, sql=sql, stored=bool(stored))
            for kind, name, table, sql, stored in lines
        ),
        encoding=str(_pragma(database, "encoding")),
        page_size=int(_pragma(database, "page_size")),
        user_version=int(_pragma(database, "user_version")),
        application_id=int(_pragma(database, "application_id")),
    )


def _pragma(database: sqlite3.Connection, name: str) -> str | int:
    found: str | int = database.execute(f"PRAGMA {name}").fetchone()[0]
    return found
