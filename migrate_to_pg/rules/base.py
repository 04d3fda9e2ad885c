"""What a rule is: its id, its words, and how it finds. What it finds it in: a Subject.

A rule finds in one of two ways. A ``SetRule`` asks SQLite about the schema or about rows together; a ``ValueRule`` is a
mask over one column of one Arrow batch, and all of those share a single scan of each table.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from migrate_to_pg.codecs.reader import ColumnBatch
from migrate_to_pg.records import Finding, Leftovers, Level, Plan, PlannedColumn, PlannedTable, Sample, SourceCatalog
from migrate_to_pg.sqlite.sql import Sql

#: How many offending rows a finding shows.
SAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is examined: the two catalogues paired, and the snapshot to ask."""

    plan: Plan
    catalog: SourceCatalog
    #: The snapshot, opened by ``rows.opened``.
    database: sqlite3.Connection
    #: What becomes of tables and views that no migration knows.
    leftovers: Leftovers = Leftovers.COPY

    def rows(self, sql: Sql, *values: object) -> list[tuple[Any, ...]]:
        """All rows of a short answer."""
        return self.database.execute(sql, values).fetchall()

    def number(self, sql: Sql, *values: object) -> int:
        """The one number that a statement answers; 0 for NULL."""
        return int(self.rows(sql, *values)[0][0] or 0)


#: A value of SQLite's; text that is no UTF-8 carries its bytes as lone surrogates (surrogateescape).
Value = int | float | str | bytes | None
#: One offending value in, the value that takes its place out; raises UnmendableError where there is none.
Mend = Callable[[Value], Value]
#: One column of one table in, its Mend out; None where the values of this column cannot be mended.
MendOf = Callable[[Subject, PlannedTable, PlannedColumn], Mend | None]


class UnmendableError(Exception):
    """A repair has nothing to put in this value's place: the finding stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offence:
    """The rows of a table that a SetRule finds fault with, for one reason."""

    #: The columns at fault.
    columns: tuple[PlannedColumn, ...]
    #: A condition on the table's rows, as it stands after WHERE.
    where: Sql


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a rule says of itself; docs/reference/findings.md is made from it."""

    #: Stable: named by --fix, report.json and scripts of users.
    id: str
    level: Level
    title: str
    #: What the fault means on PostgreSQL.
    meaning: str
    #: What to do, in general; a finding says it with the names at hand.
    remedy: str
    #: "lossless", "lossy", or "" where there is no repair.
    repair: str = ""
    #: What --fix does.
    repair_description: str = ""
    #: Another name by which --fix takes it: "merge-duplicates".
    repair_name: str = ""
    #: The repair of single cells. Asked once a column, so it may query the snapshot.
    mend: MendOf | None = None

    @property
    def names_rows(self) -> bool:
        """Whether what the rule finds are rows that PostgreSQL would refuse, so that they could be set aside."""
        return False

    def finding(
        self,
        *,
        table: str,
        explanation: str,
        remedy: str,
        column: str = "",
        count: int = 1,
        samples: Sequence[Sample] = (),
        level: Level | None = None,
    ) -> Finding:
        """One finding of this rule."""
        return Finding(
            rule=self.id,
            level=level or self.level,
            table=table,
            column=column,
            count=count,
            samples=tuple(samples),
            explanation=explanation,
            remedy=remedy,
            repair=self.repair,
            quarantinable=self.names_rows,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRule(Rule):
    """A rule about the schema, or about rows taken together."""

    find: Callable[[Subject], Iterator[Finding]]
    #: The same as conditions on the rows of one table; None where the rule is not about rows that could be set aside.
    offences: Callable[[Subject, PlannedTable], Iterator[Offence]] | None = None
    #: Whether the repairs of other rules may bring it about, so that it is asked again after them.
    asked_again: bool = False

    @property
    def names_rows(self) -> bool:
        """As of any rule."""
        return self.level is Level.ERROR and self.offences is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A value rule's words for one column of one table."""

    explanation: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRule(Rule):
    """A rule about single values."""

    #: True for each offending value; None where the batch has none, found as cheaply as can be.
    mask: Callable[[ColumnBatch], pa.BooleanArray | None]
    #: Asked only where something was found, with the condition for the finding's own rows among ``rows.numbered``.
    describe: Callable[[Subject, PlannedTable, PlannedColumn, Sql], Message]
    #: Whether a sample shows the storage class beside the value.
    with_class: bool = False
    #: Picks this rule's rows among those marked, where one mask holds faults of several rules: SQL, asked afterwards.
    #: None from it: all of them.
    where: Callable[[Subject, PlannedTable, PlannedColumn], Sql | None] | None = None

    @property
    def names_rows(self) -> bool:
        """As of any rule."""
        return self.level is Level.ERROR
