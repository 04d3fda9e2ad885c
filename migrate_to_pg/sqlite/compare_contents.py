"""Compare two tables or two databases on one connection, byte for byte.

SQLite compares them in one merge by key, so nothing is read into Python. Two values are equal where their bytes and
storage classes are. Neither a collation nor an affinity makes different values equal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.sqlite.sql import Sql, compose, join, name

_TABLES = """
SELECT name, wr FROM pragma_table_list
WHERE schema = 'main' AND type IN ('table', 'shadow') AND name NOT IN ('sqlite_schema', 'sqlite_master') ORDER BY name
"""
_COLUMNS = "SELECT name, pk, hidden FROM pragma_table_xinfo(?, 'main')"
#: Header fields that an application can set.
_PRAGMAS = ("user_version", "application_id", "encoding")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTable:
    """A table of the connection's main database."""

    name: str
    #: Stored columns only: generated ones are computed.
    columns: tuple[str, ...]
    #: SQL names of the columns that identify a row. Empty where columns have taken all names of the rowid.
    key: tuple[Sql, ...]
    #: Whether the key is the rowid.
    rowid: bool


def stored_tables(database: sqlite3.Connection) -> Iterator[StoredTable]:
    """Yield every table that has rows of its own, SQLite's internal tables included."""
    for table, without_rowid in database.execute(_TABLES).fetchall():
        found = database.execute(_COLUMNS, [table]).fetchall()
        stored = tuple(column for column, _, hidden in found if hidden not in (2, 3))
        taken = {column.lower() for column, _, _ in found}
        rowid = [Sql(n) for n in ("rowid", "_rowid_", "oid") if n not in taken][:1] if not without_rowid else []
        parts = sorted((position, column) for column, position, _ in found if position) if without_rowid else []
        key = tuple(rowid) or tuple(name(column) for _, column in parts)
        yield StoredTable(name=table, columns=stored, key=key, rowid=bool(rowid))


def difference(database: sqlite3.Connection, other: str) -> str:
    """Return the first place where the database attached as ``other`` differs from main, or ''."""
    for pragma in _PRAGMAS:
        if _pragma(database, "main", pragma) != _pragma(database, other, pragma):
            return f"PRAGMA {pragma}"
    if _schema(database, "main") != _schema(database, other):
        return _("the schema")
    for table in stored_tables(database):
        left, right = (compose("{s}.{t}", s=name(s), t=name(table.name)) for s in ("main", other))
        if not same_rows(database, left, right, table.columns, table.key):
            return table.name
    return ""


def _pragma(database: sqlite3.Connection, schema: str, pragma: str) -> object:
    return database.execute(compose("PRAGMA {s}.{p}", s=name(schema), p=name(pragma))).fetchone()


def _schema(database: sqlite3.Connection, schema: str) -> list[tuple[object, ...]]:
    query = compose("SELECT type, name, tbl_name, sql FROM {s}.sqlite_master ORDER BY type, name", s=name(schema))
    return database.execute(query).fetchall()


def same_rows(database: sqlite3.Connection, left: Sql, right: Sql, columns: Sequence[str], key: Sequence[Sql]) -> bool:
    """Report whether two tables have the same values in these columns, row by row.

    Args:
        left: SQL name of one table.
        right: SQL name of the other table.
        columns: Names of the columns to compare.
        key: SQL names of the columns that identify a row, empty where there are none.
    """
    counts = compose("SELECT (SELECT count(*) FROM {l}) = (SELECT count(*) FROM {r})", l=left, r=right)
    if not database.execute(counts).fetchone()[0]:
        return False
    query = _unmatched(left, right, columns, key) if key else _unmatched_anywhere(left, right, columns)
    return database.execute(query).fetchone() is None


_DIFFERS: Final = "l.{c} COLLATE BINARY IS NOT r.{c} OR typeof(l.{c}) <> typeof(r.{c})"


def _unmatched(left: Sql, right: Sql, columns: Sequence[str], key: Sequence[Sql]) -> Sql:
    on = join(" AND ", [compose("l.{k} = r.{k}", k=part) for part in key])
    differs = [compose(_DIFFERS, c=name(c)) for c in columns]
    return compose(
        "SELECT 1 FROM {left} AS l LEFT JOIN {right} AS r ON {on} WHERE r.{first} IS NULL OR {differs} LIMIT 1",
        left=left,
        right=right,
        on=on,
        first=key[0],
        differs=join(" OR ", differs),
    )


def _unmatched_anywhere(left: Sql, right: Sql, columns: Sequence[str]) -> Sql:
    """Compare as sets in both directions: for the rare table whose rowid has no free name."""
    values = join(", ", [compose("{c} COLLATE BINARY, typeof({c})", c=name(column)) for column in columns])
    one_way = "SELECT 1 FROM (SELECT {v} FROM {a} EXCEPT SELECT {v} FROM {b})"
    there = compose(one_way, v=values, a=left, b=right)
    back = compose(one_way, v=values, a=right, b=left)
    return compose("SELECT 1 FROM ({there} UNION ALL {back}) LIMIT 1", there=there, back=back)
