"""Open finished snapshots, and answer SQLite's basic questions: quoting, row numbers, type affinity."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import LiteralString
from urllib.parse import quote

from migrate_to_pg.records import SourceTable


def snapshot_uri(path: Path) -> str:
    """Return the read-only URI of a finished copy that nobody writes to.

    ``immutable`` spares SQLite the lock and the search for a -wal.
    """
    return f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1"


def live_uri(path: Path, mode: str = "ro") -> str:
    """Return the URI of a file that somebody may write to."""
    return f"file:{quote(os.fsencode(path.absolute()))}?mode={mode}"


def open_live(path: Path, mode: str = "ro", *, wait: float) -> sqlite3.Connection:
    """Open a connection to a file that somebody may write to. ``wait`` is for how many seconds a lock is waited for."""
    return sqlite3.connect(live_uri(path, mode), uri=True, isolation_level=None, timeout=wait)


def open_snapshot(path: Path) -> sqlite3.Connection:
    """Open a connection to a finished copy."""
    return sqlite3.connect(snapshot_uri(path), uri=True, isolation_level=None)


#: Column for a row's position in reading order, for tables without a rowid.
NUMBER = "migrate_to_pg row"


def rowid_name(table: SourceTable) -> str | None:
    """Return a free name of the rowid (a column may have taken one of the three), or None."""
    taken = {column.name.lower() for column in table.columns}
    free = [name for name in ("rowid", "_rowid_", "oid") if name not in taken]
    return free[0] if free and not table.without_rowid else None


def row_number(table: SourceTable) -> str:
    """Return the SQL for a row's number in ``numbered_rows``: its rowid or its position."""
    return rowid_name(table) or quote_name(NUMBER)


def numbered_rows(table: SourceTable, schema: str = "main") -> str:
    """Return the FROM item whose rows have the number that ``row_number`` names."""
    name = f"{schema}.{quote_name(table.name)}"
    if rowid_name(table) or (table.numbered and schema == "main"):
        return name
    # The cast: SQLite makes an index of its own for a join by the number only where that has a type.
    number = f"CAST(row_number() OVER () AS INTEGER) AS {quote_name(NUMBER)}"
    return f"(SELECT {number}, * FROM {name} NOT INDEXED)"  # noqa: S608 - quoted


#: SQL for the hexadecimal digits of the UUID in ``{c}``. It accepts what Python's ``uuid.UUID``, and so Django, reads:
#: dashes anywhere, braces around it, "urn:uuid:" before it.
UUID_DIGITS: LiteralString = "replace(trim(replace(replace({c}, 'urn:', ''), 'uuid:', ''), '{{}}'), '-', '')"


def quote_name(name: str) -> str:
    """Quote an identifier: SQLite accepts any name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def journal_mode(path: Path) -> str:
    """Read the "file format write version" of the header, where 2 means WAL.

    See https://www.sqlite.org/fileformat2.html.
    """
    with path.open("rb") as file:
        header = file.read(20)
    return "wal" if header[18:19] == b"\2" else "rollback"


def affinity(declared: str) -> str:
    """Return the affinity of a declared type by SQLite's own rule.

    See https://www.sqlite.org/datatype3.html#determination_of_column_affinity.
    """
    upper = declared.upper()
    marks = {"INT": "INTEGER", "CHAR": "TEXT", "CLOB": "TEXT", "TEXT": "TEXT", "BLOB": "BLOB"}
    marks |= {"REAL": "REAL", "FLOA": "REAL", "DOUB": "REAL"}
    return next((found for mark, found in marks.items() if mark in upper), "NUMERIC" if upper else "BLOB")
