"""Set sequences past the highest ids of the loaded tables, and fill materialized views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import StagingError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.batches import batched
from migrate_to_pg.records import Identity, Plan, PlannedTable

Connection = psycopg.Connection[Any]


def set_identities(connection: Connection, schema: str, plan: Plan) -> tuple[Identity, ...]:
    """Set every sequence of the planned tables past the highest id that SQLite ever gave, deleted rows included.

    Raises StagingError where a sequence cannot go on.
    """
    owned = [
        (table, column.name, column.target.sequence)
        for table in (*plan.tables, *plan.excluded)
        for column in table.columns
        if column.target.sequence is not None
    ]
    return tuple(identity for some in batched(owned) for identity in _set_identities(connection, schema, some))


def _set_identities(
    connection: Connection, schema: str, owned: Sequence[tuple[PlannedTable, str, str]]
) -> list[Identity]:
    last = _last_ids(connection, schema, [(table, column) for table, column, _sequence in owned])
    # A sequence starts at 1, even with negative ids. It could be set to its last value, but not continue from there.
    following = [max(number + 1, 1) for number in last]
    sequences = [sequence for _table, _column, sequence in owned]
    query = "SELECT setval(s.name::regclass, s.next, false) FROM unnest(%s::text[], %s::bigint[]) AS s (name, next)"
    try:
        connection.execute(query, [sequences, following])
    except psycopg.Error as error:
        if len(owned) > 1:
            half = len(owned) // 2
            return [
                identity
                for some in (owned[:half], owned[half:])
                for identity in _set_identities(connection, schema, some)
            ]
        table, column, _sequence = owned[0]
        raise StagingError(
            _(
                "The sequence of {table}.{column} cannot go on after {last}: {message}",
                table=table.name,
                column=column,
                last=last[0],
                message=error.diag.message_primary,
            ),
            remedy=_(
                "The column's type has no room for another id: widen it with a migration, or give that row a lower"
                " id (and set sqlite_sequence.seq to the highest one)."
            ),
        ) from error
    return [
        Identity(table=table.name, column=column, next=number)
        for (table, column, _sequence), number in zip(owned, following, strict=True)
    ]


def _last_ids(connection: Connection, schema: str, columns: Sequence[tuple[PlannedTable, str]]) -> list[int]:
    """Return the highest id of each column, those of deleted rows included."""
    highest = sql.SQL(", ").join(
        sql.SQL("(SELECT max({}) FROM {})").format(sql.Identifier(column), sql.Identifier(schema, table.name))
        for table, column in columns
    )
    row = connection.execute(sql.SQL("SELECT {}").format(highest)).fetchone() or ()
    return [
        max(number or 0, (table.source.last_id or 0) if [c.name for c in table.key] == [column] else 0)
        for (table, column), number in zip(columns, row, strict=True)
    ]


def refresh_views(connection: Connection, schema: str) -> None:
    """Fill the materialized views, which the migrations made while the tables were empty."""
    query = """
        SELECT c.relname FROM pg_class c WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'm' ORDER BY c.oid
    """
    for (name,) in connection.execute(query, [schema]).fetchall():
        connection.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(sql.Identifier(schema, name)))
