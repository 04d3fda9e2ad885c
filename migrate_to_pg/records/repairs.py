"""The records of what was mended: plain, frozen, knowing neither Django nor a driver. ``mending.mend`` makes them.

Every row of the source is in the target, in quarantine, or merged into another; every cell that differs is recorded
with its rule, its old value and its new one.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path


class RowOutcome(enum.StrEnum):
    """What became of a row that is not in the target."""

    #: PostgreSQL cannot take it; it is kept whole.
    QUARANTINED = "quarantined"
    #: Another row has its unique key and stands for it; it is kept whole too.
    MERGED = "merged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One cell that a repair changed."""

    #: Primary key column -> value as text.
    key: Mapping[str, str]
    #: Both values as SQL would write them, cut to 80 characters.
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedCells:
    """What one rule's repair changed in one column."""

    rule: str
    table: str
    column: str
    count: int
    #: The first of them.
    samples: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRow:
    """One row that is not in the target."""

    #: Primary key column -> value as text.
    key: Mapping[str, str]
    reason: str
    #: The row as the snapshot has it, or of what is shown the key and the columns at fault; by SQLite's column
    #: names, in JSON's types: see ``journal.json_cell``.
    row: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRows:
    """What one rule set aside of one table."""

    rule: str
    table: str
    fate: RowOutcome
    count: int
    #: The first of them.
    samples: tuple[QuarantinedRow, ...]
    #: How many of them refer to another row in quarantine, and are there for no fault of their own.
    following: int = 0

    def limited_to(self, columns: Collection[str]) -> QuarantinedRows:
        """The same with no more of each row than its key and these columns."""
        samples = tuple(
            replace(row, row={name: value for name, value in row.row.items() if name in columns or name in row.key})
            for row in self.samples
        )
        return replace(self, samples=samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairResult:
    """The outcome of the accepted repairs: what load reads, and the record from which prove and the report tell."""

    #: The working copy, a SQLite database: the snapshot with every accepted repair made.
    path: Path
    #: The journal, a SQLite database: see ``journal``.
    journal: Path
    #: The rules whose repairs were accepted, and those whose rows quarantine was.
    fix: frozenset[str]
    quarantine: frozenset[str]
    changed: tuple[ChangedCells, ...] = ()
    aside: tuple[QuarantinedRows, ...] = ()

    def rows_aside(self, table: str, fate: RowOutcome) -> int:
        """How many rows of a table, by PostgreSQL's name, had that fate."""
        return sum(rows.count for rows in self.aside if rows.table == table and rows.fate is fate)

    def cells_changed(self, table: str) -> int:
        """How many cells of a table, by PostgreSQL's name, were changed; one changed twice counts twice."""
        return sum(cells.count for cells in self.changed if cells.table == table)
