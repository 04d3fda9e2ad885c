"""Base classes of rules, and the subject that they examine.

A rule finds in one of two ways. A ``SetRule`` asks SQLite about the schema or about rows together. A ``ValueRule`` is a
mask over one column of one Arrow batch, and all value rules share a single scan of each table.

A rule's title and remedy are shown in reports, so they are marked for translation (``N_``). Its meaning and
repair_description are English alone: they are read in docs/reference/findings.md and by --explain.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from migrate_to_pg.codecs.reader import ColumnBatch
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Leftovers, Level, Plan, PlannedColumn, PlannedTable, Sample, SourceCatalog
from migrate_to_pg.sqlite.sql import Sql

#: How many offending rows a finding shows.
SAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The paired catalogues to examine, and the snapshot to query."""

    plan: Plan
    catalog: SourceCatalog
    #: The snapshot, opened by ``samples.connect``.
    database: sqlite3.Connection
    #: The treatment of tables and views that no migration knows.
    leftovers: Leftovers = Leftovers.COPY

    def rows(self, sql: Sql, *values: object) -> list[tuple[Any, ...]]:
        """Return all rows of a short answer."""
        return self.database.execute(sql, values).fetchall()

    def number(self, sql: Sql, *values: object) -> int:
        """Return the only value of a query's only row, 0 for NULL."""
        return int(self.rows(sql, *values)[0][0] or 0)


#: A value of SQLite's; text that is no UTF-8 has its bytes as lone surrogates (surrogateescape).
Value = int | float | str | bytes | None
#: Returns the value to put in place of an offending one. Raises UnrepairableError where there is none.
CellRepair = Callable[[Value], Value]
#: Returns the CellRepair for one column of one table, or None where its values cannot be repaired.
CellRepairFor = Callable[[Subject, PlannedTable, PlannedColumn], CellRepair | None]


class UnrepairableError(Exception):
    """A repair has no new value for this one, so the finding remains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offence:
    """Rows of a table in which a SetRule finds a fault, for one reason."""

    #: The columns at fault.
    columns: tuple[PlannedColumn, ...]
    #: A condition on the table's rows, which follows WHERE.
    where: Sql


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule's id, level and texts, from which docs/reference/findings.md is made."""

    #: Stable: named by --fix, report.json and scripts of users.
    id: str
    level: Level
    title: str
    #: The effect of the fault on PostgreSQL.
    meaning: str
    #: The next step in general. A finding names the table and the column.
    remedy: str
    #: "lossless", "lossy", or "" where there is no repair.
    repair: str = ""
    #: The changes that --fix makes.
    repair_description: str = ""
    #: Another name by which --fix takes it: "merge-duplicates".
    repair_name: str = ""
    #: The repair of single cells. Asked once a column, so it may query the snapshot.
    cell_repair: CellRepairFor | None = None

    @property
    def names_rows(self) -> bool:
        """Return whether the rule finds rows that PostgreSQL would refuse, so that they can be quarantined."""
        return False

    def finding(
        self,
        *,
        table: str,
        explanation: str,
        remedy: str = "",
        column: str = "",
        count: int = 1,
        samples: Sequence[Sample] = (),
        level: Level | None = None,
    ) -> Finding:
        """Return a finding of this rule, with the rule's own remedy where none is given."""
        return Finding(
            rule=self.id,
            level=level or self.level,
            table=table,
            column=column,
            count=count,
            samples=tuple(samples),
            explanation=explanation,
            remedy=remedy or _(self.remedy),
            repair=self.repair,
            quarantinable=self.names_rows,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRule(Rule):
    """A rule about the schema, or about rows taken together."""

    find: Callable[[Subject], Iterator[Finding]]
    #: Returns the faults as conditions on the rows of one table. None where the rule finds no rows to quarantine.
    offences: Callable[[Subject, PlannedTable], Iterator[Offence]] | None = None
    #: Whether the repairs of other rules may cause it, so that it is examined again after them.
    reexamined: bool = False
    #: Whether PostgreSQL refuses each such row when it is sent, as it does with values that break a rule.
    judged_when_sent: bool = False

    @property
    def names_rows(self) -> bool:
        """Return whether an error of this rule has conditions on rows."""
        return self.level is Level.ERROR and self.offences is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Explanation and remedy for one column of one table. An empty remedy is the rule's own."""

    explanation: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRule(Rule):
    """A rule about single values."""

    #: True for each offending value; None where the batch has none, found as cheaply as can be.
    mask: Callable[[ColumnBatch], pa.BooleanArray | None]
    #: Asked only where something was found, with the condition for the finding's own rows among ``samples.numbered``.
    describe: Callable[[Subject, PlannedTable, PlannedColumn, Sql], Message]
    #: Whether a sample shows the storage class beside the value.
    with_class: bool = False
    #: Picks this rule's rows among those marked, where one mask holds faults of several rules: SQL, asked afterwards.
    #: None from it: all of them.
    where: Callable[[Subject, PlannedTable, PlannedColumn], Sql | None] | None = None

    @property
    def names_rows(self) -> bool:
        """Return whether the rule is an error: it always finds rows."""
        return self.level is Level.ERROR
