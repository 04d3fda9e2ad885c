"""Make the schema of the new file as the project's migrations make it on SQLite, without what slows a load.

Indexes, views and triggers follow after the load. A trigger would repeat what it did on PostgreSQL, or did before.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import StagingError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.move_back.spelling import declared_type
from migrate_to_pg.planning.scratch_schema import SqliteSchema, Statement
from migrate_to_pg.postgres.batches import batched
from migrate_to_pg.records import Identity, PlannedTable, TargetTable, folded
from migrate_to_pg.sqlite.sql import Sql, compose, join, name, names

#: After the load, in this order.
_LATER = ("index", "view", "trigger")
#: For the load alone: a file that is not finished is thrown away.
PRAGMAS = (
    "PRAGMA foreign_keys = OFF",
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA locking_mode = EXCLUSIVE",
    # Asked of all rows by PRAGMA quick_check, at the end.
    "PRAGMA ignore_check_constraints = ON",
    # 32 MiB.
    "PRAGMA cache_size = -32768",
)


def require_made(schema: SqliteSchema) -> None:
    """Raise StagingError where the migrations do not run on SQLite."""
    if schema.complaint:
        raise StagingError(
            _("The migrations do not run on SQLite: {complaint}", complaint=schema.complaint),
            remedy=_(
                "No file was made. Make the migration run on both databases (connection.vendor tells them apart), then"
                " run again."
            ),
        )


def prepare(database: sqlite3.Connection) -> None:
    """Set the connection up for the load."""
    database.isolation_level = None
    for pragma in PRAGMAS:
        database.execute(pragma)


def make_tables(database: sqlite3.Connection, schema: SqliteSchema) -> None:
    """Create the tables alone, empty."""
    for statement in schema.statements:
        if statement.kind == "table":
            database.execute(Sql(statement.sql))


def make_unknown_tables(database: sqlite3.Connection, tables: Iterable[tuple[str, TargetTable]]) -> None:
    """Create tables that no migration makes on SQLite, with PostgreSQL's columns and primary keys.

    Each comes with the name that reports give it. Raises StagingError where SQLite cannot have some of them.
    """
    taken = {folded(found) for (found,) in database.execute("SELECT name FROM sqlite_master")}
    obstacles: list[str] = []
    for shown, table in tables:
        if obstacle := _obstacle(table, taken):
            obstacles.append(f"{shown}: {obstacle}")
        elif table.columns:
            parts = [compose("{column} {type}", column=name(c.name), type=Sql(declared_type(c))) for c in table.columns]
            if table.primary_key:
                parts.append(compose("PRIMARY KEY ({key})", key=names(table.primary_key)))
            database.execute(
                compose("CREATE TABLE {table} ({columns})", table=name(table.name), columns=join(", ", parts))
            )
        taken.add(folded(table.name))
    if obstacles:
        raise StagingError(
            _("PostgreSQL has tables that SQLite cannot have beside the others."),
            detail=obstacles,
            remedy=_(
                "No file was made. Rename them on PostgreSQL, or leave all tables that no migration makes there with"
                " --leftovers skip."
            ),
        )


def _obstacle(table: TargetTable, taken: set[str]) -> str:
    """Return why SQLite cannot have a table, or ''."""
    columns = [folded(column.name) for column in table.columns]
    if folded(table.name) in taken:
        return _("another table has that name, apart from upper and lower case.")
    if table.name.lower().startswith("sqlite_"):
        return _("SQLite keeps names that begin with sqlite_ for itself.")
    if twice := [name for name in dict.fromkeys(columns) if columns.count(name) > 1]:
        return _("several columns are called {column}, apart from upper and lower case.", column=twice[0])
    return ""


def later_statements(schema: SqliteSchema) -> list[Statement]:
    """Return the statements of what a load is quicker without, in their order."""
    found = [statement for statement in schema.statements if statement.kind in _LATER]
    return sorted(found, key=lambda statement: _LATER.index(statement.kind))


def restore(database: sqlite3.Connection, schema: SqliteSchema, identities: Sequence[tuple[str, Identity]]) -> None:
    """Make indexes, views and triggers, fill search indexes, and let ids go on as on PostgreSQL.

    Args:
        database: the file, with its rows.
        schema: what the migrations make.
        identities: SQLite's name of each table, and the next value of its sequence on PostgreSQL.

    Raises:
        StagingError: the rows do not fit an index.
    """
    statements = later_statements(schema)
    for statement in (found for found in statements if found.kind != "trigger"):
        try:
            database.execute(Sql(statement.sql))
        except sqlite3.IntegrityError as error:
            raise StagingError(
                _(
                    "SQLite does not take the rows of {table} for {name}: {error}",
                    table=statement.table,
                    name=statement.name,
                    error=error,
                ),
                remedy=_(
                    "No file was made. What is one value for SQLite is several for PostgreSQL: change them there."
                ),
            ) from error
    for table in search_indexes(schema):
        fill_search_index(database, table)
    for statement in (found for found in statements if found.kind == "trigger"):
        database.execute(Sql(statement.sql))
    for table, identity in identities:
        database.execute("DELETE FROM sqlite_sequence WHERE name = ?", [table])
        if last := identity.next - 1:
            database.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", [table, last])


_CONTENTLESS = re.compile(r"""content=(''|""|``|\[]|[,)])""")


def search_indexes(schema: SqliteSchema) -> list[str]:
    """Return the full-text tables that index the rows of another table, and so can be filled from it."""
    return [
        statement.name
        for statement in schema.statements
        if statement.kind == "table" and indexes_other_table(statement.sql)
    ]


def indexes_other_table(statement: str) -> bool:
    """Return whether a statement makes a full-text table of the rows of another table.

    With an empty name of a table, https://www.sqlite.org/fts5.html#contentless_tables, nothing keeps the rows.
    """
    squeezed = _squeezed(statement)
    return is_search_index(statement) and "content=" in squeezed and not _CONTENTLESS.search(squeezed)


def fill_search_index(database: sqlite3.Connection, table: str) -> None:
    """Fill a full-text table from the table that it indexes."""
    database.execute(compose("INSERT INTO {table} ({table}) VALUES ('rebuild')", table=name(table)))


def is_search_index(statement: str) -> bool:
    """Return whether a statement makes a full-text table."""
    return "usingfts" in _squeezed(statement)


def _squeezed(text: str) -> str:
    return "".join(text.lower().split())


def autoincrement_tables(database: sqlite3.Connection) -> set[str]:
    """Return the tables for which SQLite remembers the highest id ever given."""
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'"
    return {found for (found,) in database.execute(query)}


_NEXT = sql.SQL(
    "(SELECT s.last_value + CASE WHEN s.is_called THEN q.seqincrement ELSE 0 END"
    " FROM {sequence} AS s, pg_sequence AS q WHERE q.seqrelid = {name}::regclass)"
)


def next_values(
    connection: psycopg.Connection[Any], tables: Iterable[PlannedTable]
) -> Iterator[tuple[PlannedTable, str, int]]:
    """Yield table, column and the next id, wherever PostgreSQL gives the ids."""
    owned = [
        (table, column.name, column.target.sequence)
        for table in tables
        for column in table.columns
        if column.target.sequence is not None
    ]
    for some in batched(owned):
        # A sequence's name is as pg_get_serial_sequence quotes it.
        asked = sql.SQL(", ").join(
            _NEXT.format(sequence=sql.SQL(owner[2]), name=sql.Literal(owner[2])) for owner in some
        )
        with connection.transaction(force_rollback=True):
            numbers = connection.execute(sql.SQL("SELECT {}").format(asked)).fetchone() or ()
        for (table, column, __), number in zip(some, numbers, strict=True):
            yield table, column, int(number)
