"""Let SQLite check the new file itself: its pages, its foreign keys, its schema, and the ids that follow."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from migrate_to_pg.errors import LoadError, VerificationError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.planning.scratch_schema import SqliteSchema
from migrate_to_pg.project.secret_columns import masked_key
from migrate_to_pg.records import Identity
from migrate_to_pg.sqlite.sql import compose, join, name, names

#: Faults that are named.
_NAMED = 20
_CHECK_FAILED = "CHECK constraint failed in "


def check_file(database: sqlite3.Connection, schema: SqliteSchema, identities: Sequence[tuple[str, Identity]]) -> None:
    """Raise VerificationError with the first faults of the file, LoadError where a CHECK of it does not hold for a row.

    Args:
        database: the file, opened as the project opens it.
        schema: what the file is to have.
        identities: SQLite's name of each table, and the next value of its sequence on PostgreSQL.
    """
    for faults in (
        _damage(database),
        _dangling_keys(database),
        _schema_differences(database, schema),
        _wrong_ids(database, identities),
    ):
        if found := [fault for fault, _number in zip(faults, range(_NAMED), strict=False)]:
            raise VerificationError(
                _("The new file is not as it should be: {fault}", fault=found[0]),
                detail=found,
                remedy=_("No file was made. If nobody else wrote to it, please report this."),
            )


def _damage(database: sqlite3.Connection) -> Iterator[str]:
    # Unlike integrity_check it does not compare indexes, which were made just now from the rows.
    for (line,) in database.execute("PRAGMA quick_check(20)").fetchall():
        if line.startswith(_CHECK_FAILED):
            raise _unmet_check(database, line.removeprefix(_CHECK_FAILED))
        if line != "ok":
            yield line


def _unmet_check(database: sqlite3.Connection, table: str) -> LoadError:
    """Return the error that names the first row for which a CHECK does not hold. The file is thrown away."""
    columns = dict(database.execute("SELECT name, pk FROM pragma_table_info(?)", [table]))
    key = sorted(filter(columns.get, columns), key=columns.__getitem__) or list(columns)[:1]
    message = _("SQLite refuses a row of {table}.", table=table)
    detail = []
    before = database.total_changes
    try:
        # SQLite asks only of columns that are set. It stops at the row, and keeps what it did before it.
        same = join(", ", (compose("{c} = {c}", c=name(column)) for column in columns if column not in key))
        database.execute(compose("UPDATE OR FAIL {table} SET {same}", table=name(table), same=same))
    except sqlite3.IntegrityError as error:
        message = _("SQLite refuses a row of {table}: {error}", table=table, error=error)
        row = compose("SELECT {key} FROM {table} NOT INDEXED LIMIT 1 OFFSET ?", table=name(table), key=names(key))
        values = database.execute(row, [database.total_changes - before]).fetchone() or ()
        shown = masked_key(table, dict(zip(key, map(str, values), strict=False)))
        detail = [", ".join(f"{column} = {value}" for column, value in shown.items())]
    return LoadError(
        message,
        detail=detail,
        remedy=_("No file was made. Change the row on PostgreSQL, then run again."),
    )


def _dangling_keys(database: sqlite3.Connection) -> Iterator[str]:
    for table, row, parent, _key in database.execute("PRAGMA foreign_key_check"):
        yield _("row {row} of {table} refers to no row of {parent}.", row=row, table=table, parent=parent)


def _schema_differences(database: sqlite3.Connection, schema: SqliteSchema) -> Iterator[str]:
    """Yield each object that is not as its statement makes it."""
    query = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    there = {(kind, found): text for kind, found, text in database.execute(query)}
    for statement in schema.statements:
        found = there.get((statement.kind, statement.name))
        if found is None:
            yield _("{kind} {name} is missing.", kind=statement.kind, name=statement.name)
        elif found != statement.sql:
            yield _("{kind} {name} differs from the statement that makes it.", kind=statement.kind, name=statement.name)


def _wrong_ids(database: sqlite3.Connection, identities: Sequence[tuple[str, Identity]]) -> Iterator[str]:
    last = dict(database.execute("SELECT name, seq FROM sqlite_sequence")) if identities else {}
    for table, identity in identities:
        found, expected = last.get(table, 0), identity.next - 1
        if found != expected:
            yield _("the last id of {table} is {last}, not {expected}.", table=table, last=found, expected=expected)
