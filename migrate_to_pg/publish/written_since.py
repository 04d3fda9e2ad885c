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

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize

Connection = psycopg.Connection[Any]

#: Tables that one query reads.
_AT_ONCE = 50
#: Of the tables of these schemas whose primary key is one whole number: schema, table, column.
_ID_COLUMNS = """
SELECT n.nspname, c.relname, a.attname
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
WHERE i.indisprimary AND i.indnkeyatts = 1 AND n.nspname = ANY(%s)
AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was there when it was published."""

    #: What the publication calls the table -> rows.
    rows: dict[str, int] = field(default_factory=dict)
    #: The numbers that PostgreSQL shows as xmin.
    writers: tuple[str, ...] = ()
    #: The same tables -> the highest id, of those whose primary key is one whole number: a row beyond is a new one.
    highest: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What was done to a table since."""

    #: Rows that were inserted, or changed.
    younger: int
    #: Published rows that are not there any more, or were changed.
    gone: int
    #: Those of ``younger`` whose id is beyond the highest published one; None where the key does not tell.
    beyond: int | None = None

    @property
    def told(self) -> str:
        """How many rows were inserted, changed and deleted, as far as the keys tell one from the other."""
        inserted = self._inserted()
        if inserted is None:
            return _(
                "{younger} inserted or changed, {gone:,} changed or deleted (its key does not tell which)",
                younger=pluralize(self.younger, "row", "rows"),
                gone=self.gone,
            )
        changed = self.younger - inserted
        return _(
            "{inserted} inserted, {changed:,} changed, {deleted:,} deleted",
            inserted=pluralize(inserted, "row", "rows"),
            changed=changed,
            deleted=self.gone - changed,
        )

    def _inserted(self) -> int | None:
        if not self.gone or not self.younger:
            return self.younger
        # More rows with published ids than published rows that are gone: ids that were free have been used.
        return None if self.beyond is None else max(self.beyond, self.younger - self.gone)


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
    return Written(rows=rows, writers=tuple(sorted(writers, key=int)), highest=_highest(connection, tables))


def _highest(connection: Connection, tables: Mapping[str, tuple[str, str]]) -> dict[str, int]:
    """The highest id of each table that has such ids, and rows; each is looked up in the index of its key."""
    ids = _ids(connection, {schema for schema, _table in tables.values()})
    queries = [
        sql.SQL("SELECT {}::text, max({}) FROM {}").format(
            sql.Literal(name), sql.Identifier(ids[place]), sql.Identifier(*place)
        )
        for name, place in tables.items()
        if place in ids
    ]
    found: dict[str, int] = {}
    for some in (queries[i : i + _AT_ONCE] for i in range(0, len(queries), _AT_ONCE)):
        answers = connection.execute(sql.SQL(" UNION ALL ").join(some)).fetchall()
        found |= {name: max(highest, 0) for name, highest in answers if highest is not None}
    return found


def _ids(connection: Connection, schemas: Iterable[str]) -> dict[tuple[str, str], str]:
    """(schema, table) -> the column that is its primary key, of those of which that is one whole number."""
    answers = connection.execute(_ID_COLUMNS, [list(schemas)]).fetchall()
    return {(schema, table): column for schema, table, column in answers}


def since(
    connection: Connection,
    table: tuple[str, str],
    rows: int | None,
    writers: Iterable[str],
    highest: int | None = None,
) -> Since:
    """What was done to a table of which ``rows`` rows were published, by these transactions, up to that id."""
    column = None if highest is None else _ids(connection, [table[0]]).get(table)
    beyond: sql.Composable = sql.SQL("NULL::bigint")
    if column is not None:
        beyond = sql.SQL("count(*) FILTER (WHERE w.xid IS NULL AND t.{} > {})").format(
            sql.Identifier(column), sql.Literal(highest)
        )
    query = sql.SQL(
        "SELECT count(*), count(w.xid), {} FROM {} t LEFT JOIN unnest({}::text[]::xid[]) AS w (xid) ON w.xid = t.xmin"
    ).format(beyond, sql.Identifier(*table), sql.Literal(list(writers)))
    return _since(connection, query, rows)


def since_by_age(connection: Connection, table: tuple[str, str], rows: int | None, transaction: str) -> Since:
    """The same of a publication of which only its own transaction is known: some rows are not found by it."""
    query = sql.SQL("SELECT count(*), count(*) FILTER (WHERE age(xmin) >= age({}::xid)), NULL::bigint FROM {}").format(
        sql.Literal(transaction), sql.Identifier(*table)
    )
    return _since(connection, query, rows)


def _since(connection: Connection, query: sql.Composed, rows: int | None) -> Since:
    row = connection.execute(query).fetchone()
    total, ours, beyond = row or (0, 0, None)
    return Since(younger=total - ours, gone=max((total if rows is None else rows) - ours, 0), beyond=beyond)
