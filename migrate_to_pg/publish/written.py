"""Which transactions wrote the rows of a publication, so that --undo finds every row that was written since.

A row's xmin alone says when its transaction *began*: one that began before the publication and wrote after it has a
number below that of the publishing transaction. A snapshot does not tell either, because it names no subtransactions
(pg_visible_in_snapshot is documented not to know them). So the numbers that the rows bear when they are published are
remembered, and whoever else wrote wrote since. A row keeps the number when it is frozen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

Connection = psycopg.Connection[Any]

#: Tables that one query reads.
_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was there when it was published."""

    #: What the publication calls the table -> rows.
    rows: dict[str, int] = field(default_factory=dict)
    #: The numbers that PostgreSQL shows as xmin.
    writers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What was done to a table since."""

    #: Rows that were inserted, or changed.
    younger: int
    #: Published rows that are not there any more, or were changed.
    gone: int


def written(connection: Connection, tables: Mapping[str, tuple[str, str]]) -> Written:
    """What these tables hold: name -> (schema, table)."""
    rows = dict.fromkeys(tables, 0)
    writers = set()
    places = list(tables.items())
    for some in (places[i : i + _AT_ONCE] for i in range(0, len(places), _AT_ONCE)):
        # Not as parameters: the name of a table may hold a %s.
        queries = [
            sql.SQL("SELECT {}::text, xmin::text, count(*) FROM {} GROUP BY xmin").format(
                sql.Literal(name), sql.Identifier(*place)
            )
            for name, place in some
        ]
        for name, writer, count in connection.execute(sql.SQL(" UNION ALL ").join(queries)).fetchall():
            rows[name] += count
            writers.add(writer)
    return Written(rows=rows, writers=tuple(sorted(writers, key=int)))


def since(connection: Connection, table: tuple[str, str], rows: int | None, writers: Iterable[str]) -> Since:
    """What was done to a table of which ``rows`` rows were published, by these transactions."""
    query = sql.SQL(
        "SELECT count(*), count(w.xid) FROM {} t LEFT JOIN unnest({}::text[]::xid[]) AS w (xid) ON w.xid = t.xmin"
    ).format(sql.Identifier(*table), sql.Literal(list(writers)))
    return _since(connection, query, rows)


def since_by_age(connection: Connection, table: tuple[str, str], rows: int | None, transaction: str) -> Since:
    """The same of a publication of which only its own transaction is known: some rows are not found by it."""
    query = sql.SQL("SELECT count(*), count(*) FILTER (WHERE age(xmin) >= age({}::xid)) FROM {}").format(
        sql.Literal(transaction), sql.Identifier(*table)
    )
    return _since(connection, query, rows)


def _since(connection: Connection, query: sql.Composed, rows: int | None) -> Since:
    row = connection.execute(query).fetchone()
    total, ours = row or (0, 0)
    return Since(younger=total - ours, gone=max((total if rows is None else rows) - ours, 0))
