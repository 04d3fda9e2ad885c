"""Record which transactions wrote the published rows, so that --undo finds every row that was written since.

A row's xmin is the number of the transaction that wrote it, and numbers are given when transactions *begin*. One that
began before the publication and wrote after it has a lower number than the publishing transaction. A snapshot does not
help, because it does not name subtransactions (see pg_visible_in_snapshot). So the numbers of all published rows are
recorded, and a row with another number was written since. Freezing a row does not change its number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.postgres.shared_snapshot import SharedSnapshot

Connection = psycopg.Connection[Any]


_TABLES_PER_QUERY = 50
#: Schema, table and column of each primary key that is one integer.
_ID_COLUMNS = """
SELECT n.nspname, c.relname, a.attname
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
WHERE i.indisprimary AND i.indnkeyatts = 1 AND n.nspname = ANY(%s)
AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRows:
    """The rows of all tables when they were published."""

    #: Number of rows by the table's name in the record.
    rows: dict[str, int] = field(default_factory=dict)
    #: Transaction numbers as PostgreSQL prints xmin.
    writers: tuple[str, ...] = ()
    #: The highest id of each table whose primary key is one integer. A row with a higher id is new.
    highest: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChanges:
    """Numbers of rows of a table that were changed since it was published."""

    #: Rows that were inserted, or changed.
    younger: int
    #: Published rows that were deleted or changed.
    gone: int
    #: Those of ``younger`` with an id above the highest published one. None if the key is not one integer.
    beyond: int | None = None

    @property
    def description(self) -> str:
        """Return how many rows were inserted, changed and deleted, as far as their keys show that."""
        inserted: int | None = self.younger
        if self.gone and self.younger:
            # If more rows with such ids are younger than published rows are gone, unused ids were inserted.
            inserted = None if self.beyond is None else max(self.beyond, self.younger - self.gone)
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


def read_published_rows(connection: Connection, tables: Mapping[str, tuple[str, str]]) -> PublishedRows:
    """Return the rows of these tables. ``tables`` maps a name to a schema and a table."""
    rows = dict.fromkeys(tables, 0)
    writers = set()
    places = list(tables.items())
    for some in (places[i : i + _TABLES_PER_QUERY] for i in range(0, len(places), _TABLES_PER_QUERY)):
        # Literals instead of parameters, because the name of a table may contain %s.
        queries = [
            sql.SQL("SELECT {}::text, xmin::text, count(*) FROM {} GROUP BY xmin").format(
                sql.Literal(name), sql.Identifier(*place)
            )
            for name, place in some
        ]
        # Rolled back: or each table and each of its indexes would stay locked until the transaction ends.
        with connection.transaction(force_rollback=True):
            counted = connection.execute(sql.SQL(" UNION ALL ").join(queries)).fetchall()
        for name, writer, count in counted:
            rows[name] += count
            writers.add(writer)
    return PublishedRows(rows=rows, writers=tuple(sorted(writers, key=int)), highest=_highest_ids(connection, tables))


def _highest_ids(connection: Connection, tables: Mapping[str, tuple[str, str]]) -> dict[str, int]:
    """Return the highest id of each table that has integer ids and rows. The index of the key has it."""
    ids = _id_columns(connection, {schema for schema, _table in tables.values()})
    queries = [
        sql.SQL("SELECT {}::text, max({}) FROM {}").format(
            sql.Literal(name), sql.Identifier(ids[place]), sql.Identifier(*place)
        )
        for name, place in tables.items()
        if place in ids
    ]
    found: dict[str, int] = {}
    for some in (queries[i : i + _TABLES_PER_QUERY] for i in range(0, len(queries), _TABLES_PER_QUERY)):
        with connection.transaction(force_rollback=True):
            answers = connection.execute(sql.SQL(" UNION ALL ").join(some)).fetchall()
        found |= {name: max(highest, 0) for name, highest in answers if highest is not None}
    return found


def _id_columns(connection: Connection, schemas: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return the column of each primary key that is one integer, by schema and table."""
    answers = connection.execute(_ID_COLUMNS, [list(schemas)]).fetchall()
    return {(schema, table): column for schema, table, column in answers}


def count_changes(
    connection: Connection,
    table: tuple[str, str],
    rows: int | None,
    writers: Iterable[str],
    highest: int | None,
) -> RowChanges:
    """Count changes in a table since ``rows`` rows of these ``writers`` were published, up to id ``highest``."""
    column = None if highest is None else _id_columns(connection, [table[0]]).get(table)
    beyond: sql.Composable = sql.SQL("NULL::bigint")
    if column is not None:
        beyond = sql.SQL("count(*) FILTER (WHERE w.xid IS NULL AND t.{} > {})").format(
            sql.Identifier(column), sql.Literal(highest)
        )
    query = sql.SQL(
        "SELECT count(*), count(w.xid), {} FROM {} t LEFT JOIN unnest({}::text[]::xid[]) AS w (xid) ON w.xid = t.xmin"
    ).format(beyond, sql.Identifier(*table), sql.Literal(list(writers)))
    return _count(connection, query, rows)


def count_changes_by_age(
    connection: Connection, table: tuple[str, str], rows: int | None, transaction: str
) -> RowChanges:
    """Count changes by the age of rows, for records of earlier versions. Some changes are not found by it."""
    query = sql.SQL("SELECT count(*), count(*) FILTER (WHERE age(xmin) >= age({}::xid)), NULL::bigint FROM {}").format(
        sql.Literal(transaction), sql.Identifier(*table)
    )
    return _count(connection, query, rows)


def _count(connection: Connection, query: sql.Composed, rows: int | None) -> RowChanges:
    row = connection.execute(query).fetchone()
    total, ours, beyond = row or (0, 0, None)
    return RowChanges(younger=total - ours, gone=max((total if rows is None else rows) - ours, 0), beyond=beyond)


_YOUNG = sql.SQL("age(xmin) <= age({}::xid)")


def changes_after(
    shared: SharedSnapshot, now: Connection, tables: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], RowChanges]:
    """Return what was committed to each table after an exported snapshot, of the tables that changed.

    A row is old whose transaction is older than all that were running at the snapshot, or was seen by it.

    Args:
        shared: the snapshot, whose transaction is still open.
        now: a connection that sees the present state.
        tables: the tables, each with its schema.
    """
    row = now.execute("SELECT pg_current_snapshot()::text").fetchone()
    if row and row[0] == shared.transactions:
        return {}
    tables = list(tables)
    highest = _highest_ids(shared.connection, {f"{schema}.{table}": (schema, table) for schema, table in tables})
    found = {}
    for schema, table in tables:
        rows, writers = _seen_by(shared, (schema, table))
        changes = _changes_after(now, (schema, table), rows, writers, shared.oldest, highest.get(f"{schema}.{table}"))
        if changes.younger or changes.gone:
            found[schema, table] = changes
    return found


def _seen_by(shared: SharedSnapshot, table: tuple[str, str]) -> tuple[int, list[str]]:
    """Return the number of rows in a snapshot, and the transactions of those that are not certainly old."""
    query = sql.SQL("SELECT count(*), array_agg(DISTINCT xmin::text) FILTER (WHERE {}) FROM {}").format(
        _YOUNG.format(sql.Literal(shared.oldest)), sql.Identifier(*table)
    )
    with shared.connection.transaction(force_rollback=True):
        rows, writers = shared.connection.execute(query).fetchone() or (0, None)
    return rows, writers or []


def _changes_after(
    connection: Connection, table: tuple[str, str], rows: int, writers: list[str], oldest: str, highest: int | None
) -> RowChanges:
    column = None if highest is None else _id_columns(connection, [table[0]]).get(table)
    is_new = sql.SQL("{} AND xmin::text <> ALL ({}::text[])").format(
        _YOUNG.format(sql.Literal(oldest)), sql.Literal(writers)
    )
    beyond: sql.Composable = sql.SQL("NULL::bigint")
    if column is not None:
        beyond = sql.SQL("count(*) FILTER (WHERE {} AND {} > {})").format(
            is_new, sql.Identifier(column), sql.Literal(highest)
        )
    query = sql.SQL("SELECT count(*), count(*) FILTER (WHERE NOT ({})), {} FROM {}").format(
        is_new, beyond, sql.Identifier(*table)
    )
    return _count(connection, query, rows)
