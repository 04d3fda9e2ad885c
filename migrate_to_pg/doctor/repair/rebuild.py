"""Rebuild a table with another CREATE TABLE statement, within the caller's transaction.

SQLite's documented procedure (https://www.sqlite.org/lang_altertable.html#otheralter): a new table under another name,
the rows copied with their rowids, the old one dropped, the new one renamed, then the same indexes and triggers. Rows
are edited during the copy, so that neither a trigger nor the order of the edits matters.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from migrate_to_pg.doctor.repair.edits import REPAIRED, TableEdits
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.sqlite import ddl
from migrate_to_pg.sqlite.compare_contents import StoredTable, same_rows, stored_table
from migrate_to_pg.sqlite.ddl import missing_parts, read_definition
from migrate_to_pg.sqlite.sql import Sql, compose, join, name, names

#: Temporary name of the new table.
INTERIM = "migrate_to_pg_new"
#: Tables in which SQLite keeps facts about tables, lost when one is dropped: (its table, the column with the name).
_STATISTICS = (("sqlite_sequence", "name"), ("sqlite_stat1", "tbl"), ("sqlite_stat4", "tbl"))

#: The statements in the order in which they were made.
_INDEXES_AND_TRIGGERS = (
    "SELECT sql FROM main.sqlite_master WHERE type IN ('index', 'trigger') AND tbl_name = ? COLLATE NOCASE"
    " AND sql IS NOT NULL ORDER BY type, rowid"
)

#: (type, name) -> SQL.
Schema = dict[tuple[str, str], str]


class RebuildError(Exception):
    """The table cannot be rebuilt without a loss. The transaction must be rolled back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRebuild:
    """The new definition and rows of one table."""

    #: Its name as in SQLite's catalogue.
    table: str
    #: CREATE TABLE under its own name.
    sql: str
    #: SQLite's number of a foreign key -> the other table that it names now.
    parents: Mapping[int, str] = field(default_factory=dict)
    #: The columns, in lower case, with a new definition.
    redefined: frozenset[str] = frozenset()
    #: Edits of its rows. None where they do not change.
    edits: TableEdits | None = None


def prepare(database: sqlite3.Connection) -> None:
    """Set what must be set before the transaction, so that a rename and a drop concern that table alone."""
    database.execute("PRAGMA foreign_keys = OFF")
    database.execute("PRAGMA legacy_alter_table = ON")


def rebuild(database: sqlite3.Connection, wanted: TableRebuild) -> None:
    """Rebuild the table. Raise RebuildError, with SQLite's message where SQLite fails."""
    try:
        before = schema(database)
        old = stored_table(database, wanted.table)
        indexes_and_triggers = database.execute(_INDEXES_AND_TRIGGERS, [old.name]).fetchall()
        with _keep_statistics(database, old.name):
            # Safe: the statement is the table's own, or Django's.
            database.execute(ddl.with_name(wanted.sql, INTERIM))
            _copy(database, wanted, old)
            database.execute(compose("DROP TABLE main.{t}", t=name(old.name)))
            database.execute(compose("ALTER TABLE main.{new} RENAME TO {t}", new=name(INTERIM), t=name(old.name)))
        for (sql,) in indexes_and_triggers:
            database.execute(sql)
        _require_same_schema(before, schema(database), wanted)
    except sqlite3.Error as error:
        # The user does not know the temporary name.
        raise RebuildError(str(error).replace(INTERIM, wanted.table)) from error


def schema(database: sqlite3.Connection) -> Schema:
    """Return every object of the main database that has a statement."""
    rows = database.execute(
        "SELECT type, name, sql FROM main.sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    return {(kind, own_name): sql for kind, own_name, sql in rows}


def _copy(database: sqlite3.Connection, wanted: TableRebuild, old: StoredTable) -> None:
    """Copy the rows, and compare them with the expected ones: no affinity may have changed a value."""
    shape = read_definition(database, INTERIM)
    missing = missing_parts(
        read_definition(database, old.name), shape, parents=wanted.parents, redefined=wanted.redefined
    )
    if missing:
        raise RebuildError(_("{table} cannot be rebuilt: {reason}", table=old.name, reason=missing))
    if wanted.edits and wanted.edits.is_outdated(database, old):
        raise RebuildError(_("rows of {old} are no longer as they were when their repair was planned", old=old.name))
    # A column that is an alias of the rowid already copies it.
    with_rowid = old.rowid and not shape.rowid_column
    columns = names(old.columns)
    listed = compose("{k}, {c}", k=old.key[0], c=columns) if with_rowid else columns
    own = compose("main.{t}", t=name(old.name))
    rows = (
        wanted.edits.selection(old, with_rowid=with_rowid)
        if wanted.edits
        else compose("SELECT {c} FROM {t}", c=listed, t=own)
    )
    new = compose("main.{t}", t=name(INTERIM))
    # Rows that already break a CHECK are copied, too: another rule reports them.
    database.execute("PRAGMA ignore_check_constraints = ON")
    try:
        database.execute(compose("INSERT INTO {new} ({c}) {rows}", new=new, c=listed, rows=rows))
    finally:
        database.execute("PRAGMA ignore_check_constraints = OFF")
    expected = compose("{s}.{t}", s=name(REPAIRED), t=name(old.name)) if wanted.edits else own
    numbers = wanted.redefined | (wanted.edits.numbers if wanted.edits else frozenset())
    key = (name(shape.rowid_column),) if shape.rowid_column else old.key
    if not same_rows(database, expected, new, old.columns, key, numbers=numbers):
        raise RebuildError(_("values of {old} would not be the same after the rebuild", old=old.name))


@contextmanager
def _keep_statistics(database: sqlite3.Connection, table: str) -> Iterator[None]:
    """Restore what SQLite knew about the table: the highest AUTOINCREMENT id and the counts of ANALYZE."""
    known = {own_name for (own_name,) in database.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")}
    tables = [statistics for statistics in _STATISTICS if statistics[0] in known]
    rows = []
    for statistics, column in tables:
        of_table = compose("{s} WHERE {c} = ? COLLATE NOCASE", s=name(statistics), c=name(column))
        query = compose("SELECT * FROM {of_table} ORDER BY rowid", of_table=of_table)
        rows.append((name(statistics), of_table, database.execute(query, [table]).fetchall()))
    yield
    for statistics_name, of_table, kept in rows:
        database.execute(compose("DELETE FROM {of_table}", of_table=of_table), [table])
        for row in kept:
            marks = join(", ", [Sql("?")] * len(row))
            database.execute(compose("INSERT INTO {s} VALUES ({marks})", s=statistics_name, marks=marks), row)


def _require_same_schema(before: Schema, after: Schema, wanted: TableRebuild) -> None:
    """Raise RebuildError where anything but the table's own statement, or more of it than its quotes, changed."""
    own = ("table", wanted.table)
    written = after.get(own, "")
    before, after = before | {own: ""}, after | {own: ""}
    if before != after:
        names_of = sorted({own_name for __, own_name in before.keys() ^ after.keys()}) or [_("an index or a trigger")]
        raise RebuildError(_("{names} would not be as before", names=", ".join(names_of)))
    if ddl.after_name(written) != ddl.after_name(wanted.sql):
        raise RebuildError(_("SQLite keeps another definition of {table} than it was given", table=wanted.table))
