"""Create empty PostgreSQL tables for leftovers, under distinct names, with comments on their origin in SQLite."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import StagingError
from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Holds, LeftoverColumn, LeftoverTable, folded

#: PostgreSQL's NAMEDATALEN - 1, in bytes.
_MAX_NAME_BYTES = 63
#: System columns of every table.
_SYSTEM = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})


class IdentifierAllocator:
    """The names of one schema's tables, or of one table's columns."""

    def __init__(self, *, columns: bool = False) -> None:
        self._taken = set(_SYSTEM if columns else ())

    def allocate(self, name: str) -> str:
        """Return the name if it is short enough and free, else its beginning with a digest, the same in each run."""
        wanted = name or "unnamed"
        candidates = itertools.chain(
            [wanted] if len(_bytes(wanted)) <= _MAX_NAME_BYTES else [],
            (_with_digest(wanted, number) for number in itertools.count()),
        )
        given = next(candidate for candidate in candidates if folded(candidate) not in self._taken)
        self._taken.add(folded(given))
        return given


def is_name_of(given: str, name: str) -> bool:
    """Return whether ``allocate`` may have returned ``given`` for ``name``."""
    return given in (name, _with_digest(name, 0))


def _with_digest(name: str, number: int) -> str:
    digest = hashlib.sha256(_bytes(name) + (b"" if not number else b"%d" % number)).hexdigest()[:8]
    return _bytes(name)[: _MAX_NAME_BYTES - 9].decode("utf-8", "ignore") + f"_{digest}"


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "backslashreplace")


Connection = psycopg.Connection[Any]


def make_tables(connection: Connection, schema: str, tables: Iterable[LeftoverTable]) -> None:
    """Create the tables in an empty schema. Raise StagingError if PostgreSQL rejects one."""
    for table in tables:
        place = sql.Identifier(schema, table.name)
        # The types are a few names of our own.
        parts = [sql.SQL("{} {}").format(sql.Identifier(c.name), sql.SQL(c.type_sql)) for c in table.columns]
        if table.key:
            parts.append(sql.SQL("PRIMARY KEY ({})").format(sql.SQL(", ").join(map(sql.Identifier, table.key))))
        try:
            connection.execute(sql.SQL("CREATE TABLE {} ({})").format(place, sql.SQL(", ").join(parts)))
            comment = _literal(" ".join(_table_comment(table)))
            connection.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(place, comment))
            for column in table.columns:
                column_place = sql.Identifier(schema, table.name, column.name)
                comment = _literal(" ".join(_column_comment(column)))
                connection.execute(sql.SQL("COMMENT ON COLUMN {} IS {}").format(column_place, comment))
        except psycopg.Error as error:
            raise StagingError(
                _(
                    "PostgreSQL does not take {source}, which no migration knows: {message}",
                    source=table.source,
                    message=error.diag.message_primary or error,
                ),
                remedy=_("Drop it, or leave behind all that no migration knows: --leftovers skip."),
            ) from error


def _literal(comment: str) -> sql.Literal:
    """Escape NUL and bytes that are no UTF-8, which SQLite allows in its SQL and PostgreSQL does not."""
    return sql.Literal(comment.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode())


def _table_comment(table: LeftoverTable) -> Iterator[str]:
    if table.is_view:
        yield _("The rows of SQLite's view {source}. Its SQL: {sql}", source=table.source, sql=table.view_sql)
        return
    yield _("SQLite's table {source}, which no migration makes.", source=table.source)
    if table.has_key and not table.key:
        yield _(
            "Its primary key is not kept: PostgreSQL allows no NULL in one, no mixed types and only a limited size."
        )


def _column_comment(column: LeftoverColumn) -> Iterator[str]:
    if column.declared_type:
        yield _("SQLite's column {source}, declared {type}.", source=column.source, type=column.declared_type)
    else:
        yield _("SQLite's column {source}, declared without a type.", source=column.source)
    if column.generated:
        yield _("SQLite computed it.")
    if column.shared:
        yield _("It held values of several kinds: this column takes those of kind {kind}.", kind=str(column.holds))
    if note := _NOTES.get(column.holds):
        yield _(note)


#: Notes on values that the type does not show.
_NOTES = {
    Holds.NUMBER: N_("Integers and reals alike."),
    Holds.TEXT_BYTES: N_("Text that PostgreSQL cannot hold, as its bytes."),
    Holds.NOTHING: N_("It held nothing but NULL."),
}
