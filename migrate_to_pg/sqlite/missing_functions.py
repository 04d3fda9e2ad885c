"""Read a database without the collations, functions and modules that SQLite does not have by itself.

What the project registers when Django connects is registered with every connection that asks here. A collation that
nobody has gets a stand-in that compares bytes, for reading alone: the indexes that are sorted by it are put out of use
first, since SQLite would search them in another order than they are in. One search remains, for a row by a unique index
and by nothing else: whoever asks so writes COLLATE BINARY.
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

#: The name of a method of sqlite3.Connection's, and what it is called with.
Registration = tuple[str, tuple[Any, ...], dict[str, Any]]

_project: list[Registration] = []
_BLANK = r"(?:\s|--[^\n]*\n|/\*.*?\*/)"
_QUOTED = r""""(?:[^"]|"")*"|'(?:[^']|'')*'|`(?:[^`]|``)*`|\[[^\]]*\]"""
_COLLATE = re.compile(rf"\bCOLLATE{_BLANK}*({_QUOTED}|[\w$]+)", re.IGNORECASE | re.DOTALL)
_COLLATION = re.compile(r"no such collation sequence: (.+)")
_LACKS = (
    "no such collation sequence", "no such module", "no such tokenizer", "unknown tokenizer", "no such function",
    "unknown function",
)  # fmt: skip


def adopt(registrations: Iterable[Registration]) -> None:
    """Take over what the project registers, in the place of that of any project before it."""
    _project[:] = registrations


def equip(database: sqlite3.Connection) -> None:
    """Register what the project does."""
    for method, values, named in _project:
        # An extension that cannot be loaded here is missed where it is needed.
        with contextlib.suppress(sqlite3.Error):
            getattr(database, method)(*values, **named)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection to a finished copy that reads all that can be read; text comes whatever its bytes are."""
    database = open_snapshot(path)
    database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    equip(database)
    register_substitutes(database)
    return database


def lacks(error: sqlite3.Error) -> bool:
    """Whether something is missing in SQLite, and nothing wrong in the file."""
    return str(error).startswith(_LACKS)


def lacking_collations(database: sqlite3.Connection, schema: str = "main") -> list[str]:
    """The collations that tables and indexes name and this connection does not have."""
    query = f"SELECT sql FROM {schema}.sqlite_master WHERE type IN ('table', 'index') AND sql LIKE '%collate%'"  # noqa: S608 - ours
    named = {_plain(match[1]) for (sql,) in database.execute(query) for match in _COLLATE.finditer(sql)}
    return sorted(name for name in named if _is_text(name) and not _has_collation(database, name))


def _has_collation(database: sqlite3.Connection, name: str) -> bool:
    """Asked by using it: the list of collations has those, too, that the schema merely names."""
    try:
        database.execute(f"SELECT '' = '' COLLATE {quote_name(name)}")
    except sqlite3.OperationalError:
        return False
    return True


def register_substitutes(database: sqlite3.Connection, schema: str = "main") -> list[str]:
    """Let the collations that nobody has compare bytes; returns their names."""
    names = lacking_collations(database, schema)
    if names:
        for _table, index in sorted_by(database, names, schema):
            # Compiled while its collation is missing, and never run: SQLite then leaves the index alone for good.
            with contextlib.suppress(sqlite3.OperationalError):
                database.execute(f"EXPLAIN REINDEX {schema}.{quote_name(index)}")
        for name in names:
            database.create_collation(name, _by_bytes)
    return names


def unregister_substitutes(database: sqlite3.Connection, names: Iterable[str]) -> None:
    """Take the stand-ins away: what a view gives by them would be something else."""
    for name in names:
        database.create_collation(name, None)


def _by_bytes(one: str, other: str) -> int:
    return (one > other) - (one < other)


def sorted_by(
    database: sqlite3.Connection, collations: Iterable[str], schema: str = "main"
) -> Iterator[tuple[str, str]]:
    """(table, index) of the indexes with such a collation; the key of a WITHOUT ROWID table is none."""
    lacking = {name.lower() for name in collations}
    query = f"SELECT tbl_name, name FROM {schema}.sqlite_master WHERE type = 'index'"  # noqa: S608 - ours
    for table, index in database.execute(query).fetchall():
        if _is_text(table + index):
            parts = database.execute("SELECT coll FROM pragma_index_xinfo(?, ?) WHERE key", [index, schema]).fetchall()
            if any((collation or "").lower() in lacking for (collation,) in parts):
                yield table, index


def lacking_columns(database: sqlite3.Connection, table: str, columns: Iterable[str]) -> Iterator[Lacking]:
    """The columns whose values this connection cannot compare, for want of a collation."""
    # A table that is sorted by one itself cannot be asked for anything.
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


def _plain(name: str) -> str:
    return name[1:-1].replace(name[0] * 2, name[0]) if name[0] in "\"'`[" else name


def _is_text(name: str) -> bool:
    """Whether SQLite can be asked by that name: it takes no statement that is not UTF-8."""
    return name.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in name)
