"""Create empty PostgreSQL tables for leftovers, with comments on their origin in SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import StagingError
from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Holds, LeftoverColumn, LeftoverTable

Connection = psycopg.Connection[Any]


def make_tables(connection: Connection, schema: str, tables: Iterable[LeftoverTable]) -> None:
    """Create the tables in an empty schema. Raise StagingError if PostgreSQL rejects one."""
    for table in tables:
        try:
            for statement in (_create(schema, table), *_comments(schema, table)):
                connection.execute(statement)
        except psycopg.Error as error:
            raise StagingError(
                _(
                    "PostgreSQL does not take {source}, which no migration knows: {message}",
                    source=table.source,
                    message=error.diag.message_primary or error,
                ),
                remedy=_("Drop it, or leave behind all that no migration knows: --leftovers skip."),
            ) from error


def _create(schema: str, table: LeftoverTable) -> sql.Composed:
    # The types are a few names of our own.
    parts = [sql.SQL("{} {}").format(sql.Identifier(c.name), sql.SQL(c.type_sql)) for c in table.columns]
    if table.key:
        parts.append(sql.SQL("PRIMARY KEY ({})").format(sql.SQL(", ").join(map(sql.Identifier, table.key))))
    place = sql.Identifier(schema, table.name)
    return sql.SQL("CREATE TABLE {} ({})").format(place, sql.SQL(", ").join(parts))


def _comments(schema: str, table: LeftoverTable) -> Iterator[sql.Composed]:
    yield sql.SQL("COMMENT ON TABLE {} IS {}").format(
        sql.Identifier(schema, table.name), _literal(_table_comment(table))
    )
    for column in table.columns:
        place = sql.Identifier(schema, table.name, column.name)
        yield sql.SQL("COMMENT ON COLUMN {} IS {}").format(place, _literal(_column_comment(column)))


def _literal(comment: str) -> sql.Literal:
    """Escape NUL and bytes that are no UTF-8, which SQLite allows in its SQL and PostgreSQL does not."""
    return sql.Literal(comment.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode())


def _table_comment(table: LeftoverTable) -> str:
    if table.is_view:
        return _("What SQLite's view {source} gave. Its SQL: {sql}", source=table.source, sql=table.view_sql)
    lost = _(" Its primary key is not kept: PostgreSQL takes no NULL in one, and none of any size or of mixed types.")
    return _("SQLite's table {source}, which no migration makes.", source=table.source) + (
        lost if table.has_key and not table.key else ""
    )


def _column_comment(column: LeftoverColumn) -> str:
    if column.declared_type:
        comment = _("SQLite's column {source}, declared {type}.", source=column.source, type=column.declared_type)
    else:
        comment = _("SQLite's column {source}, declared without a type.", source=column.source)
    if column.generated:
        comment += _(" SQLite computed it.")
    if column.shared:
        comment += _(
            " It held values of several kinds: this column takes those of kind {kind}.", kind=str(column.holds)
        )
    note = _NOTES.get(column.holds)
    return comment + (_(note) if note else "")


#: Notes on values that the type does not show.
_NOTES = {
    Holds.NUMBER: N_(" Integers and reals alike."),
    Holds.TEXT_BYTES: N_(" Text that PostgreSQL cannot hold, as its bytes."),
    Holds.NOTHING: N_(" It held nothing but NULL."),
}
