"""Bring leftovers back in the form that they had on SQLite, where the kept snapshot explains PostgreSQL's table.

The move made of each column one for every kind of value in it. The same inference is made again of the snapshot. Where
it gives PostgreSQL's columns, and each row of today fits them, the parts become one column again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import SourceError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.leftovers import StagingFile
from migrate_to_pg.leftovers.create_tables import is_name_of
from migrate_to_pg.planning import read_source
from migrate_to_pg.planning.scratch_schema import Statement
from migrate_to_pg.records import LEFTOVERS, Holds, LeftoverColumn, LeftoverTable, SourceTable, TargetTable, folded
from migrate_to_pg.sqlite.connection import affinity, snapshot_uri
from migrate_to_pg.sqlite.sql import Sql, compose, join, name, names

Connection = psycopg.Connection[Any]

#: What SQLite makes a number of, in a column of that affinity.
_NUMERIC_TEXT = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_ALWAYS = "{0} IS NOT NULL"
_IS_TEXT_OF_NUMBER = "{0} ~ {1}"
#: SQLite makes an integer of it.
_IS_WHOLE = "{0} = trunc({0}) AND abs({0}) < 1e19"
#: (affinity, kind) -> of which values SQLite would make another kind: nothing else tells what they were.
_CONVERTED = {
    **{(kind, Holds.TEXT): _IS_TEXT_OF_NUMBER for kind in ("INTEGER", "NUMERIC", "REAL")},
    **{(kind, Holds.REAL): _IS_WHOLE for kind in ("INTEGER", "NUMERIC")},
    **{("TEXT", kind): _ALWAYS for kind in (Holds.INTEGER, Holds.REAL, Holds.NUMBER)},
    ("REAL", Holds.INTEGER): _ALWAYS,
}
#: What makes a table and its indexes.
_STATEMENTS = """
SELECT type, name, tbl_name, sql FROM sqlite_master
WHERE tbl_name = ? AND type IN ('table', 'index') AND sql IS NOT NULL ORDER BY type = 'index', rowid
"""


class _UnexplainedError(Exception):
    """A table comes back with PostgreSQL's columns."""

    def __init__(self, reason: str, columns: Iterable[str] = ()) -> None:
        super().__init__(reason)
        self.columns = ", ".join(columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A leftover table that comes back otherwise than it was."""

    name: str
    #: PostgreSQL's columns that are the reason, if some are.
    columns: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftoverForms:
    """The leftovers that come back as they were, and the others."""

    tables: tuple[LeftoverTable, ...] = ()
    #: PostgreSQL's tables with the rows of views, which come back as views.
    views: tuple[str, ...] = ()
    #: What makes these tables, their indexes and the views.
    statements: tuple[Statement, ...] = ()
    #: SQLite's name of a table -> the highest id that it ever gave before the move.
    last_ids: Mapping[str, int] = field(default_factory=dict)
    unexplained: tuple[Kept, ...] = ()

    @property
    def names(self) -> set[str]:
        """PostgreSQL's tables that no table of the same columns is made for."""
        return {*(table.name for table in self.tables), *self.views}


def with_postgresql_columns(targets: Iterable[TargetTable], reason: str) -> LeftoverForms:
    """Return that none of the tables is explained."""
    return LeftoverForms(unexplained=tuple(Kept(name=t.name, columns="", reason=reason) for t in targets))


def explain(
    connection: Connection, targets: Sequence[TargetTable], snapshot: Path, working: Path, taken: Iterable[str]
) -> LeftoverForms:
    """Return which of PostgreSQL's leftovers the snapshot explains.

    Args:
        connection: sees the state that is moved.
        targets: the tables of schema sqlite_leftovers.
        snapshot: what was published.
        working: a file to be made and thrown away.
        taken: the names that the migrations take on SQLite.
    """
    catalog = read_source(snapshot)
    taken_names = set(map(folded, taken))
    tables: list[LeftoverTable] = []
    views: list[str] = []
    statements: list[Statement] = []
    unexplained: list[Kept] = []
    with (
        closing(sqlite3.connect(snapshot_uri(snapshot), uri=True)) as database,
        closing(sqlite3.connect(":memory:")) as trial,
        StagingFile(snapshot, working) as file,
    ):
        for target in targets:
            try:
                if found := [view for view in catalog.views if is_name_of(target.name, view)]:
                    made = [Statement("view", found[0], found[0], catalog.views[found[0]])]
                    _require_makeable(trial, made, taken_names)
                    views.append(target.name)
                else:
                    source = _source_of(target, catalog.tables)
                    table = _mapping(file, source, target)
                    made = [Statement(*row) for row in database.execute(_STATEMENTS, [source.name])]
                    _require_fits(connection, source, table)
                    _require_makeable(trial, made, taken_names)
                    tables.append(table)
                statements += made
            except _UnexplainedError as error:
                unexplained.append(Kept(name=target.name, columns=error.columns, reason=str(error)))
        last_ids = _last_ids(database, {table.source for table in tables})
    return LeftoverForms(
        tables=tuple(tables),
        views=tuple(views),
        statements=tuple(statements),
        last_ids=last_ids,
        unexplained=tuple(unexplained),
    )


def _source_of(target: TargetTable, tables: Iterable[SourceTable]) -> SourceTable:
    found = [t for t in tables if is_name_of(target.name, t.name) and t.kind == "table" and not t.unreadable]
    if len(found) != 1:
        raise _UnexplainedError(_("The snapshot has no such table."))
    (source,) = found
    if source.foreign_keys or "CHECK" in source.sql.upper() or any(column.generated for column in source.columns):
        # What was written on PostgreSQL since may not keep to them, nor did all of SQLite's own rows.
        raise _UnexplainedError(_("SQLite's table has foreign keys, checks or computed columns."))
    return source


def _mapping(file: StagingFile, source: SourceTable, target: TargetTable) -> LeftoverTable:
    """Return the columns that the move made of a table, which must be PostgreSQL's."""
    try:
        made = file.table(source, excluded=True)
    except SourceError as error:
        raise _UnexplainedError(str(error)) from error
    if isinstance(made, int):
        raise _UnexplainedError(_("PostgreSQL allows no table with so many columns."))
    expected = {column.name: column.type_sql for column in made.columns}
    there = {column.name: column.type_sql for column in target.columns}
    if expected != there:
        differing = dict(sorted({*expected.items()} ^ {*there.items()}))
        raise _UnexplainedError(_("PostgreSQL's columns are no longer those that the move made."), differing)
    if unclear := [column.name for column in made.columns if column.holds is Holds.TEXT_BYTES]:
        raise _UnexplainedError(_("It holds bytes of text that PostgreSQL cannot hold."), unclear)
    return replace(made, name=target.name, excluded=False)


def parts(table: LeftoverTable) -> dict[str, list[LeftoverColumn]]:
    """Return PostgreSQL's columns of each column of SQLite's."""
    found: dict[str, list[LeftoverColumn]] = {}
    for column in table.columns:
        found.setdefault(column.source, []).append(column)
    return found


def _require_fits(connection: Connection, source: SourceTable, table: LeftoverTable) -> None:
    """Raise _UnexplainedError where a row of today does not fit SQLite's columns, or would become another."""
    never_null = {
        column.name
        for column in source.columns
        if column.not_null or (column.key_position and column.declared_type.upper() == "INTEGER")
    }
    asked = []
    for column, made in parts(table).items():
        together = [part.name for part in made]
        asked += [(together, f"num_nonnulls({', '.join('{}' for _part in made)}) > 1")] if len(made) > 1 else []
        if column in never_null:
            asked.append((together, f"num_nonnulls({', '.join('{}' for _part in made)}) = 0"))
        for part in made:
            query = _ALWAYS if part.holds is Holds.NOTHING else None
            if query := query or _CONVERTED.get((affinity(part.declared_type), part.holds)):
                asked.append(([part.name], query))
    for columns, query in asked:
        condition = sql.SQL(query).format(*map(sql.Identifier, columns), sql.Literal(_NUMERIC_TEXT))
        place = sql.Identifier(LEFTOVERS, table.name)
        found = connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE {})").format(place, condition))
        if (found.fetchone() or (True,))[0]:
            raise _UnexplainedError(_("A row on PostgreSQL does not fit SQLite's column."), columns)


def _require_makeable(trial: sqlite3.Connection, statements: Iterable[Statement], taken: set[str]) -> None:
    """Raise _UnexplainedError where SQLite would not make it beside what the migrations make."""
    for statement in statements:
        if folded(statement.name) in taken:
            raise _UnexplainedError(_("The migrations make {name} by now.", name=statement.name))
        try:
            trial.execute(Sql(statement.sql))
        except sqlite3.Error as error:
            raise _UnexplainedError(str(error)) from error


def _last_ids(database: sqlite3.Connection, tables: set[str]) -> dict[str, int]:
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone():
        return {}
    given = database.execute("SELECT name, seq FROM sqlite_sequence")
    return {table: last for table, last in given if table in tables}


def insert_joined(table: LeftoverTable) -> Sql:
    """Return the statement that inserts a row of PostgreSQL's columns: of the parts of a column one is not NULL."""
    position = {column.name: number for number, column in enumerate(table.columns, 1)}
    values = (
        Sql(f"coalesce({', '.join(f'?{position[part.name]}' for part in made)}, NULL)")
        for made in parts(table).values()
    )
    return compose(
        "INSERT INTO {table} ({columns}) VALUES ({values})",
        table=name(table.source),
        columns=names(parts(table)),
        values=join(", ", values),
    )


def go_on_after(database: sqlite3.Connection, last_ids: Mapping[str, int]) -> None:
    """Let ids go on after the highest that was ever given, before the move or since."""
    for table, last in last_ids.items():
        changed = database.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", [last, table])
        if not changed.rowcount:
            database.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", [table, last])
