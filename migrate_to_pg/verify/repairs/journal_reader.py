"""A snapshot and the journal of its repairs go in; the journal's lines, each beside the snapshot's own row, come out.

The journal is read as it is documented, and nothing of it is believed: whoever asks compares it with the snapshot.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migrate_to_pg.records import Plan, PlannedTable
from migrate_to_pg.verify.differences import Verdict
from migrate_to_pg.verify.rows import Column
from migrate_to_pg.verify.sqlite_reader import quoted

#: The three things that SQLite can hold in a cell besides NULL come as int, float, str and bytes.
Value = int | float | str | bytes | None
Row = tuple[Any, ...]

#: The names under which SQLite gives a row's number, unless a column has taken them.
ROWID_NAMES = ("rowid", "_rowid_", "oid")
#: The journal's own name for it, in its tables of whole rows.
KEPT_ROWID = "migrate_to_pg row"
#: A name for the place of a row among all rows of a table that has no rowid, as they are read from first to last.
PLACE = "migrate_to_pg place"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table, with what is found out about its repairs."""

    planned: PlannedTable
    #: Its place in the plan.
    number: int
    columns: list[Column]
    verdict: Verdict
    #: Rows of the snapshot that are not in PostgreSQL, by their fate.
    aside: dict[str, int] = field(default_factory=dict)
    #: SQLite's name of each column with new values -> how many cells a repair changed.
    changed: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """PostgreSQL's name."""
        return self.planned.name

    @property
    def cells_changed(self) -> int:
        """How many cells repairs changed, each confirmed."""
        return sum(self.changed.values())

    @property
    def source(self) -> str:
        """SQLite's name, quoted."""
        return quoted(self.planned.source.name)

    @property
    def rowid(self) -> str:
        """The name under which its rows' numbers can be asked of ``rows``."""
        return self._rowid or quoted(PLACE)

    @property
    def rows(self) -> str:
        """The snapshot's rows, as it stands after FROM; with their places where SQLite gives them no number."""
        if self._rowid:
            return f"main.{self.source}"
        return f"(SELECT row_number() OVER () AS {quoted(PLACE)}, * FROM main.{self.source} NOT INDEXED)"

    @property
    def _rowid(self) -> str | None:
        taken = {column.name.lower() for column in self.planned.source.columns}
        free = [name for name in ROWID_NAMES if name not in taken]
        return free[0] if free and not self.planned.source.without_rowid else None

    @property
    def key(self) -> list[Column]:
        """The primary key's columns."""
        return self.named(c.name for c in self.planned.key)

    def named(self, names: Iterable[str]) -> list[Column]:
        """Its columns of these names of PostgreSQL's; none where one is missing."""
        by_name = {column.name: column for column in self.columns}
        wanted = list(names)
        return [by_name[name] for name in wanted] if all(name in by_name for name in wanted) else []

    @property
    def kept(self) -> list[str]:
        """SQLite's names of the columns that hold data of their own."""
        computed = {c.source.name for c in self.planned.columns if c.source.generated and c.target.generated}
        return [column.name for column in self.planned.source.columns if column.name not in computed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One cell's change, as the journal tells it, and what the snapshot has there."""

    row: int
    rule: str
    old: Value
    new: Value
    #: Whether the snapshot has the row at all.
    there: bool
    value: Value


class Record:
    """The snapshot, the journal and the file of expected values, in one connection."""

    def __init__(self, plan: Plan, tables: Mapping[str, Table], database: sqlite3.Connection, journal: Path) -> None:
        self.plan = plan
        self.tables = tables
        self._database = database
        database.execute("ATTACH ? AS journal", [f"{journal.resolve().as_uri()}?mode=ro&immutable=1"])

    def rows(self, query: str, *values: Value) -> Iterator[Row]:
        """The rows that a query over ``main``, ``journal`` and ``expected`` answers."""
        return iter(self._database.execute(query, values))

    def number(self, query: str, *values: Value) -> int:
        """The one number that a query answers."""
        return int(next(self.rows(query, *values))[0])

    def execute(self, statement: str, *values: Value) -> None:
        """Write to ``expected``, the only one of the three that can be written to."""
        self._database.execute(statement, values)

    def many(self, statement: str, rows: Iterable[Row]) -> None:
        """Write many rows to ``expected``."""
        self._database.executemany(statement, rows)

    def lines(self, table: Table, column: Column) -> Iterator[Line]:
        """The changes of one column, row by row, those of one cell in the order in which they were made."""
        query = (
            f"SELECT c.row, c.rule, c.old, c.new, t.{table.rowid} IS NOT NULL, t.{quoted(column.planned.source.name)}"
            f" FROM journal.changed AS c LEFT JOIN {table.rows} AS t ON t.{table.rowid} = c.row"
            ' WHERE c."table" = ? AND c."column" = ? ORDER BY c.row, c.rowid'
        )
        for row, rule, old, new, there, value in self.rows(query, table.name, column.name):
            yield Line(row=row, rule=rule, old=old, new=new, there=bool(there), value=value)

    def changed(self) -> dict[tuple[str, str, str], int]:
        """(rule, table, column) -> how many lines the journal has."""
        query = 'SELECT rule, "table", "column", count(*) FROM journal.changed GROUP BY 1, 2, 3 ORDER BY min(rowid)'
        return {(rule, table, column): count for rule, table, column, count in self.rows(query)}

    def aside(self) -> dict[tuple[str, str, str], int]:
        """(rule, table, fate) -> how many rows the journal says were set aside."""
        query = 'SELECT rule, "table", fate, count(*) FROM journal.aside GROUP BY 1, 2, 3 ORDER BY min(rowid)'
        return {(rule, table, fate): count for rule, table, fate, count in self.rows(query)}

    def parents(self, table: Table, column: Column) -> Iterator[tuple[Table, Column]]:
        """The columns that this one alone refers to."""
        for key in table.planned.target.foreign_keys:
            parent = self.tables.get(key.parent)
            if key.columns == (column.name,) and parent:
                yield from ((parent, other) for other in parent.named(key.parent_columns))


def same(left: Value, right: Value) -> bool:
    """Whether two values of SQLite's are one, storage class included."""
    return type(left) is type(right) and repr(left) == repr(right)


def unexplained(table: Table, row: int | None, column: str, told: Value, why: str) -> None:
    """Count one line of the journal that the proof cannot confirm."""
    key = {} if row is None else {"rowid": str(row)}
    table.verdict.add("unexplained", key, column, why, None if told is None else str(told))


def distinct(values: Iterable[Value]) -> list[Value]:
    """Each value once."""
    found: list[Value] = []
    for value in values:
        if not any(same(value, other) for other in found):
            found.append(value)
    return found


def bound(value: Value) -> tuple[str, Value]:
    """How to hand a value to SQLite: text that is no UTF-8 goes as its bytes."""
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        return "CAST(? AS TEXT)", value.encode("utf-8", "surrogateescape")
    return "?", value
