"""A table and another CREATE TABLE statement for it in, the table made anew by it, within the caller's transaction.

SQLite's documented procedure (https://www.sqlite.org/lang_altertable.html#otheralter): a new table under another name,
the rows copied with their rowids, the old one dropped, the new one renamed, then indexes and triggers as they were.
Rows are edited on the way: neither a trigger nor the order of the edits can then play a part.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from migrate_to_pg.doctor.repair.edits import MENDED, Edits
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.sqlite import ddl_statement
from migrate_to_pg.sqlite.compare_contents import StoredTable, same_rows, stored_table
from migrate_to_pg.sqlite.ddl import missing_parts, read_definition
from migrate_to_pg.sqlite.sql import Sql, compose, join, name, names

#: The new table's name until it has its own.
INTERIM = "migrate_to_pg_new"
#: What SQLite itself keeps about tables, and forgets when one is dropped: (its table, the column with the name).
_MEMORIES = (("sqlite_sequence", "name"), ("sqlite_stat1", "tbl"), ("sqlite_stat4", "tbl"))

#: (type, name) -> SQL.
Schema = dict[tuple[str, str], str]


class RebuildError(Exception):
    """The table cannot be made anew without losing something; the transaction is to be rolled back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """What becomes of one table."""

    #: As SQLite spells it.
    table: str
    #: CREATE TABLE under its own name.
    sql: str
    #: Its foreign keys, by SQLite's own numbers, that name another table in it.
    parents: Mapping[int, str] = field(default_factory=dict)
    #: The columns, in lower case, that it defines otherwise.
    redefined: frozenset[str] = frozenset()
    #: What becomes of its rows; None where they stay as they are.
    edits: Edits | None = None


def prepare(database: sqlite3.Connection) -> None:
    """Set what has to be set before the transaction begins: a rename and a drop then concern that table alone."""
    database.execute("PRAGMA foreign_keys = OFF")
    database.execute("PRAGMA legacy_alter_table = ON")


def rebuild(database: sqlite3.Connection, wanted: Rebuild) -> None:
    """Make the table anew. Raises RebuildError, in SQLite's own words where SQLite itself cannot."""
    try:
        _rebuild(database, wanted)
    except sqlite3.Error as error:
        # Nobody knows the table by its other name.
        raise RebuildError(str(error).replace(INTERIM, wanted.table)) from error


def _rebuild(database: sqlite3.Connection, wanted: Rebuild) -> None:
    before = schema(database)
    old = stored_table(database, wanted.table)
    kept = list(_attached(database, old.name))
    with _memories_kept(database, old.name):
        # Safe: the statement is the table's own, or Django's.
        database.execute(ddl_statement.with_name(wanted.sql, INTERIM))
        _copy(database, wanted, old)
        database.execute(compose("DROP TABLE main.{t}", t=name(old.name)))
        rename = compose("ALTER TABLE main.{new} RENAME TO {t}", new=name(INTERIM), t=name(old.name))
        database.execute(rename)
    for sql in kept:
        database.execute(sql)
    _require_same_schema(before, schema(database), wanted)


def schema(database: sqlite3.Connection) -> Schema:
    """Every object of the main database that has a statement."""
    rows = database.execute(
        "SELECT type, name, sql FROM main.sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    return {(kind, own_name): sql for kind, own_name, sql in rows}


def _attached(database: sqlite3.Connection, table: str) -> Iterator[str]:
    """The statements of its indexes and triggers, in the order in which they were made."""
    query = (
        "SELECT sql FROM main.sqlite_master WHERE type IN ('index', 'trigger') AND tbl_name = ? COLLATE NOCASE"
        " AND sql IS NOT NULL ORDER BY type, rowid"
    )
    yield from (sql for (sql,) in database.execute(query, [table]).fetchall())


def _copy(database: sqlite3.Connection, wanted: Rebuild, old: StoredTable) -> None:
    """Copy the rows, and compare them with what they are to be: no affinity must have changed a value."""
    shape = read_definition(database, INTERIM)
    missing = missing_parts(
        read_definition(database, old.name), shape, parents=wanted.parents, redefined=wanted.redefined
    )
    if missing:
        raise RebuildError(_("{old} would not keep {missing} as they are", old=old.name, missing=missing))
    if wanted.edits and wanted.edits.departed(database, old):
        raise RebuildError(_("rows of {old} are no longer as they were when their repair was decided on", old=old.name))
    # Where a column is the rowid's other name, it brings the rowid along.
    with_rowid = old.rowid and not shape.rowid_column
    columns = names(old.columns)
    listed = compose("{k}, {c}", k=old.key[0], c=columns) if with_rowid else columns
    own = compose("main.{t}", t=name(old.name))
    rows = wanted.edits.selection(old, with_rowid=with_rowid) if wanted.edits else _all_rows(listed, own)
    new = compose("main.{t}", t=name(INTERIM))
    with _checks_ignored(database):
        database.execute(compose("INSERT INTO {new} ({c}) {rows}", new=new, c=listed, rows=rows))
    expected = compose("{s}.{t}", s=name(MENDED), t=name(old.name)) if wanted.edits else own
    numbers = wanted.redefined | (wanted.edits.numbers if wanted.edits else frozenset())
    key = (name(shape.rowid_column),) if shape.rowid_column else old.key
    if not same_rows(database, expected, new, old.columns, key, numbers=numbers):
        raise RebuildError(_("values of {old} would not be the same afterwards", old=old.name))


def _all_rows(listed: Sql, table: Sql) -> Sql:
    return compose("SELECT {c} FROM {t}", c=listed, t=table)


@contextmanager
def _checks_ignored(database: sqlite3.Connection) -> Iterator[None]:
    """A row that breaks a CHECK already comes along all the same: it is another rule's."""
    database.execute("PRAGMA ignore_check_constraints = ON")
    try:
        yield
    finally:
        database.execute("PRAGMA ignore_check_constraints = OFF")


@contextmanager
def _memories_kept(database: sqlite3.Connection, table: str) -> Iterator[None]:
    """Put back what SQLite knew of the table: the highest id that AUTOINCREMENT ever gave, what ANALYZE counted."""
    known = {own_name for (own_name,) in database.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")}
    memories = [memory for memory in _MEMORIES if memory[0] in known]
    rows = {memory: _remembered(database, memory, table) for memory in memories}
    yield
    for memory in memories:
        where = {"memory": name(memory[0]), "column": name(memory[1])}
        database.execute(compose("DELETE FROM {memory} WHERE {column} = ? COLLATE NOCASE", **where), [table])
        for row in rows[memory]:
            marks = join(", ", [Sql("?")] * len(row))
            database.execute(compose("INSERT INTO {memory} VALUES ({marks})", memory=where["memory"], marks=marks), row)


def _remembered(database: sqlite3.Connection, memory: tuple[str, str], table: str) -> list[tuple[object, ...]]:
    query = compose(
        "SELECT * FROM {m} WHERE {c} = ? COLLATE NOCASE ORDER BY rowid", m=name(memory[0]), c=name(memory[1])
    )
    return database.execute(query, [table]).fetchall()


def _require_same_schema(before: Schema, after: Schema, wanted: Rebuild) -> None:
    """Nothing but the table's own statement may have changed, and nothing in that but its name's quotes."""
    own = ("table", wanted.table)
    written = after.get(own, "")
    before, after = before | {own: ""}, after | {own: ""}
    if before != after:
        names_of = sorted({own_name for __, own_name in before.keys() ^ after.keys()}) or [_("an index or a trigger")]
        raise RebuildError(_("{names} would not be as before", names=", ".join(names_of)))
    if ddl_statement.after_name(written) != ddl_statement.after_name(wanted.sql):
        raise RebuildError(_("SQLite keeps another definition of {table} than it was given", table=wanted.table))
