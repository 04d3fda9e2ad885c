"""The little that every reader of a snapshot needs: its URI, a connection, quoted names, SQLite's own rules."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import LiteralString
from urllib.parse import quote

from migrate_to_pg.records import SourceTable


def snapshot_uri(path: Path) -> str:
    """The URI of a finished copy that nobody writes to: read-only, and no lock or -wal to look for."""
    return f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1"


def open_snapshot(path: Path) -> sqlite3.Connection:
    """A connection to a finished copy."""
    return sqlite3.connect(snapshot_uri(path), uri=True, isolation_level=None)


#: The column with the number of a row, where SQLite gives it none: its place in the order in which all are read.
NUMBER = "migrate_to_pg row"


def rowid_name(table: SourceTable) -> str | None:
    """A name by which SQLite still gives the rowid: a column may have taken one of the three."""
    taken = {column.name.lower() for column in table.columns}
    free = [name for name in ("rowid", "_rowid_", "oid") if name not in taken]
    return free[0] if free and not table.without_rowid else None


def row_number(table: SourceTable) -> str:
    """The number of a row among ``numbered_rows``: the rowid, or its place."""
    return rowid_name(table) or quote_name(NUMBER)


def numbered_rows(table: SourceTable, schema: str = "main") -> str:
    """What stands after FROM where rows are asked for by their numbers."""
    name = f"{schema}.{quote_name(table.name)}"
    if rowid_name(table) or (table.numbered and schema == "main"):
        return name
    return f"(SELECT row_number() OVER () AS {quote_name(NUMBER)}, * FROM {name} NOT INDEXED)"  # noqa: S608 - quoted


#: The hexadecimal digits of the uuid in ``{c}``, for all spellings that Python's ``uuid.UUID`` reads, and so Django:
#: dashes anywhere, braces around it, "urn:uuid:" before it.
UUID_DIGITS: LiteralString = "replace(trim(replace(replace({c}, 'urn:', ''), 'uuid:', ''), '{{}}'), '-', '')"


def quote_name(name: str) -> str:
    """An identifier as SQLite takes any: in double quotes, those within doubled."""
    return '"' + name.replace('"', '""') + '"'


def journal_mode(path: Path) -> str:
    """The "file format write version" of the header: 2 means WAL (https://www.sqlite.org/fileformat2.html)."""
    with path.open("rb") as file:
        header = file.read(20)
    return "wal" if header[18:19] == b"\2" else "rollback"


def affinity(declared: str) -> str:
    """SQLite's own rule (https://www.sqlite.org/datatype3.html#determination_of_column_affinity)."""
    upper = declared.upper()
    marks = {"INT": "INTEGER", "CHAR": "TEXT", "CLOB": "TEXT", "TEXT": "TEXT", "BLOB": "BLOB"}
    marks |= {"REAL": "REAL", "FLOA": "REAL", "DOUB": "REAL"}
    return next((found for mark, found in marks.items() if mark in upper), "NUMERIC" if upper else "BLOB")
