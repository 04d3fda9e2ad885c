"""Set sequences past the highest ids of the loaded tables, and fill materialized views."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import StagingError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Identity, Plan, PlannedTable

Connection = psycopg.Connection[Any]


def set_identities(connection: Connection, schema: str, plan: Plan) -> tuple[Identity, ...]:
    """Set every sequence of the planned tables past the highest id that SQLite ever gave, deleted rows included."""
    found = []
    for table in (*plan.tables, *plan.excluded):
        for column in table.columns:
            if column.target.sequence is not None:
                last = _last_id(connection, schema, table, column.name)
                found.append(_set_identity(connection, table.name, column.name, column.target.sequence, last))
    return tuple(found)


def _last_id(connection: Connection, schema: str, table: PlannedTable, column: str) -> int:
    query = sql.SQL("SELECT max({}) FROM {}").format(sql.Identifier(column), sql.Identifier(schema, table.name))
    row = connection.execute(query).fetchone()
    highest = row[0] if row and row[0] is not None else 0
    is_key = [c.name for c in table.key] == [column]
    return max(highest, (table.source.last_id or 0) if is_key else 0)


def _set_identity(connection: Connection, table: str, column: str, sequence: str, last: int) -> Identity:
    # A sequence starts at 1, even with negative ids. It could be set to its last value, but not continue from there.
    following = max(last + 1, 1)
    try:
        connection.execute("SELECT setval(%s::regclass, %s, false)", [sequence, following])
    except psycopg.Error as error:
        raise StagingError(
            _(
                "The sequence of {table}.{column} cannot go on after {last}: {message}",
                table=table,
                column=column,
                last=last,
                message=error.diag.message_primary,
            ),
            remedy=_(
                "The column's type has no room for another id: widen it with a migration, or give that row a lower"
                " id (and set sqlite_sequence.seq to the highest one)."
            ),
        ) from error
    return Identity(table=table, column=column, next=following)


def refresh_views(connection: Connection, schema: str) -> None:
    """Fill the materialized views, which the migrations made while the tables were empty."""
    query = """
        SELECT c.relname FROM pg_class c WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'm' ORDER BY c.oid
    """
    for (name,) in connection.execute(query, [schema]).fetchall():
        connection.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(sql.Identifier(schema, name)))
