"""Leftover tables in, empty tables of PostgreSQL out, each with a word on what it was in SQLite."""

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
    """Make them in an empty schema; StagingError where PostgreSQL refuses one."""
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
    parts = [_column(column) for column in table.columns]
    if table.key:
        parts.append(sql.SQL("PRIMARY KEY ({})").format(sql.SQL(", ").join(map(sql.Identifier, table.key))))
    place = sql.Identifier(schema, table.name)
    return sql.SQL("CREATE TABLE {} ({})").format(place, sql.SQL(", ").join(parts))


def _column(column: LeftoverColumn) -> sql.Composed:
    # One of a few words of ours.
    return sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.type_sql))


def _comments(schema: str, table: LeftoverTable) -> Iterator[sql.Composed]:
    yield sql.SQL("COMMENT ON TABLE {} IS {}").format(sql.Identifier(schema, table.name), _literal(_of_table(table)))
    for column in table.columns:
        place = sql.Identifier(schema, table.name, column.name)
        yield sql.SQL("COMMENT ON COLUMN {} IS {}").format(place, _literal(_of_column(column)))


def _literal(words: str) -> sql.Literal:
    """SQLite takes NUL and bytes that are no characters into its SQL; PostgreSQL does not."""
    return sql.Literal(words.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode())


def _of_table(table: LeftoverTable) -> str:
    if table.is_view:
        return _("What SQLite's view {source} gave. Its SQL: {sql}", source=table.source, sql=table.view_sql)
    lost = _(" Its primary key is not kept: PostgreSQL takes no NULL in one, and none of any size or of mixed types.")
    return _("SQLite's table {source}, which no migration makes.", source=table.source) + (
        lost if table.has_key and not table.key else ""
    )


def _of_column(column: LeftoverColumn) -> str:
    if column.declared_type:
        words = _("SQLite's column {source}, declared {type}.", source=column.source, type=column.declared_type)
    else:
        words = _("SQLite's column {source}, declared without a type.", source=column.source)
    if column.generated:
        words += _(" SQLite computed it.")
    if column.shared:
        words += _(" It held values of several kinds: this column takes those of kind {kind}.", kind=str(column.holds))
    note = _NOTES.get(column.holds)
    return words + (_(note) if note else "")


#: What is not plain from the type.
_NOTES = {
    Holds.NUMBER: N_(" Integers and reals alike."),
    Holds.TEXT_BYTES: N_(" Text that PostgreSQL cannot hold, as its bytes."),
    Holds.NOTHING: N_(" It held nothing but NULL."),
}
