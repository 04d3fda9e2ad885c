"""Read a database without the collations, functions and modules that this SQLite lacks.

Every connection gets what the project registers when Django connects. A missing collation gets a substitute that
compares bytes, for reading alone. Before that the indexes sorted by it are disabled, since SQLite would search them in
another order than they have. One search remains, for a row by a unique index and by nothing else. Such a query must
write COLLATE BINARY.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from migrate_to_pg.records import Lacking
from migrate_to_pg.sqlite.connection import open_snapshot, quote_name

#: A method of sqlite3.Connection, and its arguments.
Registration = tuple[str, tuple[Any, ...], dict[str, Any]]

_project: list[Registration] = []
_BLANK = r"(?:\s|--[^\n]*\n|/\*.*?\*/)"
_QUOTED = r""""(?:[^"]|"")*"|'(?:[^']|'')*'|`(?:[^`]|``)*`|\[[^\]]*\]"""
_COLLATE = re.compile(rf"\bCOLLATE{_BLANK}*({_QUOTED}|[\w$]+)", re.IGNORECASE | re.DOTALL)
_COLLATION = re.compile(r"no such collation sequence: (.+)")
_MISSING_FEATURE = (
    "no such collation sequence", "no such module", "no such tokenizer", "unknown tokenizer", "no such function",
    "unknown function",
)  # fmt: skip


def set_project_registrations(registrations: Iterable[Registration]) -> None:
    """Replace the registrations of the project."""
    _project[:] = registrations


def register_project_functions(database: sqlite3.Connection) -> None:
    """Register Django's functions with a connection, and the project's functions, collations and extensions."""
    # The reference of the rules is made without Django.
    from django.db.backends.sqlite3._functions import register  # type: ignore[import-untyped]

    register(database)
    for method, values, named in _project:
        # An extension that cannot be loaded here is reported where it is needed.
        with contextlib.suppress(sqlite3.Error):
            getattr(database, method)(*values, **named)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a finished copy so that everything readable can be read, text of any bytes included."""
    database = open_snapshot(path)
    database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    register_project_functions(database)
    register_substitutes(database)
    return database


def is_missing_feature(error: sqlite3.Error) -> bool:
    """Report whether SQLite lacks a feature, in contrast to a fault of the file."""
    return str(error).startswith(_MISSING_FEATURE)


def missing_collations(database: sqlite3.Connection, schema: str = "main") -> list[str]:
    """List the collations that tables and indexes name and this connection does not have."""
    query = f"SELECT sql FROM {schema}.sqlite_master WHERE type IN ('table', 'index') AND sql LIKE '%collate%'"  # noqa: S608 - ours
    written = {match[1] for (sql,) in database.execute(query) for match in _COLLATE.finditer(sql)}
    named = {name[1:-1].replace(name[0] * 2, name[0]) if name[0] in "\"'`[" else name for name in written}
    return sorted(name for name in named if _is_utf8(name) and not _has_collation(database, name))


def _has_collation(database: sqlite3.Connection, name: str) -> bool:
    """Try the collation: SQLite's list of collations contains those that the schema merely names."""
    try:
        database.execute(f"SELECT '' = '' COLLATE {quote_name(name)}")
    except sqlite3.OperationalError:
        return False
    return True


def register_substitutes(database: sqlite3.Connection, schema: str = "main") -> list[str]:
    """Register a comparison by bytes for each missing collation, and return their names."""
    names = missing_collations(database, schema)
    if names:
        for _table, index in indexes_with_collation(database, names, schema):
            # Compiled while its collation is missing, and never run: SQLite then ignores the index for good.
            with contextlib.suppress(sqlite3.OperationalError):
                database.execute(f"EXPLAIN REINDEX {schema}.{quote_name(index)}")
        for name in names:
            database.create_collation(name, lambda one, other: (one > other) - (one < other))
    return names


def unregister_substitutes(database: sqlite3.Connection, names: Iterable[str]) -> None:
    """Remove the substitutes: a view that used them would give other results."""
    for name in names:
        database.create_collation(name, None)


def indexes_with_collation(
    database: sqlite3.Connection, collations: Iterable[str], schema: str = "main"
) -> Iterator[tuple[str, str]]:
    """Yield (table, index) of the indexes with such a collation, but not keys of WITHOUT ROWID tables."""
    lacking = {name.lower() for name in collations}
    query = f"SELECT tbl_name, name FROM {schema}.sqlite_master WHERE type = 'index'"  # noqa: S608 - ours
    for table, index in database.execute(query).fetchall():
        if _is_utf8(table + index):
            parts = database.execute("SELECT coll FROM pragma_index_xinfo(?, ?) WHERE key", [index, schema]).fetchall()
            if any((collation or "").lower() in lacking for (collation,) in parts):
                yield table, index


def columns_without_collation(database: sqlite3.Connection, table: str, columns: Iterable[str]) -> Iterator[Lacking]:
    """Yield the columns whose values this connection cannot compare for want of a collation."""
    # No query can read a table that is itself sorted by a missing collation.
    query = (
        "SELECT x.name, x.coll FROM pragma_index_list(?) AS l, pragma_index_xinfo(l.name) AS x"
        " WHERE l.origin = 'pk' AND x.key"
    )
    for column, collation in database.execute(query, [table]).fetchall():
        if not _has_collation(database, collation):
            yield Lacking(kind="collation", name=collation, table=table, what=column)
    for column in columns:
        try:
            c, t = quote_name(column), quote_name(table)
            database.execute(f"SELECT {c} = {c} FROM {t} NOT INDEXED LIMIT 0")  # noqa: S608 - quoted
        except sqlite3.OperationalError as error:
            found = _COLLATION.match(str(error))
            if found:
                yield Lacking(kind="collation", name=found[1], table=table, what=column)


def _is_utf8(name: str) -> bool:
    """Report whether a statement can contain the name: SQLite refuses one that is not UTF-8."""
    return name.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in name)
