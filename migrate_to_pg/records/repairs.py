"""The records of repairs. They know neither Django nor a driver.

Every row of the source is in the target, in quarantine, or merged into another. Every cell that differs is recorded
with its rule, its old value and its new one.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path


class RowOutcome(enum.StrEnum):
    """The outcome of a row that is not in the target."""

    #: PostgreSQL cannot take it. It is kept complete.
    QUARANTINED = "quarantined"
    #: Another row has its unique key and replaces it. It is kept complete as well.
    MERGED = "merged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One cell that a repair changed."""

    #: Primary key column -> value as text.
    key: Mapping[str, str]
    #: Both values as SQL literals, truncated to 80 characters.
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedCells:
    """The changes of one rule's repair in one column."""

    rule: str
    table: str
    column: str
    count: int
    #: The first of them.
    samples: tuple[Change, ...]
    #: Number of them that are keys which lost their row to quarantine.
    following: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedRow:
    """One row that is not in the target."""

    #: Primary key column -> value as text.
    key: Mapping[str, str]
    reason: str
    #: The row as the snapshot has it, or of what is shown the key and the columns at fault; by SQLite's column
    #: names, in JSON's types: see ``journal.json_cell``.
    row: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedRows:
    """The rows of one table that one rule removed."""

    rule: str
    table: str
    outcome: RowOutcome
    count: int
    #: The first of them.
    samples: tuple[RemovedRow, ...]
    #: Number of them that have no fault of their own but refer to another row in quarantine.
    following: int = 0

    def limited_to(self, columns: Collection[str]) -> RemovedRows:
        """Return the record with no more of each row than its key and these columns."""
        samples = tuple(
            replace(row, row={name: value for name, value in row.row.items() if name in columns or name in row.key})
            for row in self.samples
        )
        return replace(self, samples=samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairResult:
    """The outcome of the accepted repairs: the input of load, and the record for verification and report."""

    #: The working copy, a SQLite database: the snapshot with every accepted repair made.
    path: Path
    #: The journal, a SQLite database: see ``journal``.
    journal: Path
    #: The rules whose repairs were accepted, and those whose rows quarantine was.
    fix: frozenset[str]
    quarantine: frozenset[str]
    changed: tuple[ChangedCells, ...] = ()
    removed: tuple[RemovedRows, ...] = ()
