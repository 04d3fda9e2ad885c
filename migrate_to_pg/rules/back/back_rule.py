"""Base class of the rules of the way back, which PostgreSQL itself is asked about, before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from psycopg import sql

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import FINAL, Level, PlannedColumn, PlannedTable, TargetColumn
from migrate_to_pg.rules.base import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteKey:
    """A unique key as SQLite has it, with the collation of each column."""

    table: str
    #: SQLite's names.
    columns: tuple[str, ...]
    collations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFileFacts:
    """The facts about the new file that rules need."""

    #: The zone of its times without one.
    zone: str
    #: The longest row in bytes: SQLITE_MAX_LENGTH, or what the project sets.
    longest: int
    #: PostgreSQL's schema of the tables.
    schema: str = FINAL
    keys: tuple[SqliteKey, ...] = ()
    #: Tables, by PostgreSQL's names, that may hold rows of that length.
    large: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Rows of one table that are at fault for one reason."""

    #: PostgreSQL's columns at fault. Empty where it is the complete row.
    columns: tuple[TargetColumn, ...]
    #: A condition on the table's rows, with the alias t, that is never NULL.
    where: sql.Composable


@dataclass(frozen=True, slots=True, kw_only=True)
class BackRule(Rule):
    """A rule about rows in PostgreSQL."""

    #: Whether it is about values that have no place in the file: quarantine keeps them, and their rows stay.
    rows_stay: bool = False
    #: Yields the conditions to ask of one table.
    faults: Callable[[PlannedTable, NewFileFacts], Iterator[Fault]]

    @property
    def names_rows(self) -> bool:
        """Return whether its rows can be quarantined."""
        return self.level is Level.ERROR

    def explained(self, fault: Fault) -> str:
        """Return what is wrong, for the finding."""
        types = ", ".join(dict.fromkeys(column.type_sql for column in fault.columns))
        if not types:
            return _("{title}.", title=_(self.title))
        return _("{title}; the column is {types} on PostgreSQL.", title=_(self.title), types=types)


def of_columns(
    condition: Callable[[PlannedColumn, sql.Composed, NewFileFacts], sql.Composable | None],
) -> Callable[[PlannedTable, NewFileFacts], Iterator[Fault]]:
    """Return the faults of single columns. ``condition`` takes the column, its place in SQL, and the file."""

    def faults(table: PlannedTable, facts: NewFileFacts) -> Iterator[Fault]:
        for column in table.columns:
            where = None if column.source.generated else condition(column, place(column.target), facts)
            if where is not None:
                yield Fault(columns=(column.target,), where=sql.SQL("coalesce({}, false)").format(where))

    return faults


def of_types(conditions: Mapping[str, sql.SQL]) -> Callable[[PlannedTable, NewFileFacts], Iterator[Fault]]:
    """Return the faults of columns of these types. In a condition, {0} is the column and {1} the zone of the file."""

    def condition(column: PlannedColumn, place: sql.Composed, facts: NewFileFacts) -> sql.Composable | None:
        found = conditions.get(column.target.type_name)
        return found and found.format(place, sql.Literal(facts.zone))

    return of_columns(condition)


def place(column: TargetColumn) -> sql.Composed:
    """Return a column of the table that is asked."""
    return sql.SQL("t.{}").format(sql.Identifier(column.name))
