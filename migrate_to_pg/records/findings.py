"""The findings of examine, and rows that PostgreSQL itself refuses."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class Level(enum.StrEnum):
    """The severity of a finding."""

    #: PostgreSQL would refuse or change the data. Stops the run unless a repair is accepted.
    ERROR = "error"
    #: The run continues.
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One row that breaks the rule."""

    #: Primary key column -> value as text; {"rowid": ...} where the table has no usable key.
    key: Mapping[str, str]
    #: The value as a person would recognise it (repr-like, truncated to 80 characters).
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault or notable fact, with its cause and the next step."""

    #: Stable id: "dangling-foreign-key".
    rule: str
    level: Level
    table: str
    #: '' where the fault concerns the complete table, "a, b" where it concerns several columns.
    column: str
    #: Number of rows (1 for faults of the schema).
    count: int
    samples: tuple[Sample, ...]
    #: The fault, its effect on PostgreSQL, and its root cause where known.
    explanation: str
    #: The next step.
    remedy: str
    #: Kind of the repair: "lossless", "lossy", or '' where the rule has none, or it repairs none of the rows.
    repair: str = ""
    #: Number of the ``count`` rows that the repair repairs, tried on each. None where the rule has no repair.
    repairable: int | None = None
    #: Whether --quarantine accepts the rule: the rows can be left out.
    quarantinable: bool = False
    #: Whether the repair was accepted by --fix, or the rows were quarantined.
    applied: bool = False

    @property
    def blocks(self) -> bool:
        """True if the run must stop before anything is loaded."""
        return self.level is Level.ERROR and not self.applied

    @property
    def place(self) -> str:
        """The table, or table.column."""
        return f"{self.table}.{self.column}" if self.column else self.table

    @property
    def beyond_repair(self) -> int:
        """Number of the rows that no repair keeps as they must be."""
        if not self.repair:
            return self.count
        return 0 if self.repairable is None else self.count - self.repairable


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The names for --fix and --quarantine with which the run continues, those already accepted included."""

    fix: tuple[str, ...] = ()
    quarantine: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRows:
    """Rows that quarantine leaves out, or would leave out, and that more repairs keep."""

    rows: int
    #: All rows that quarantine leaves out without these repairs.
    of: int
    #: The names for --fix.
    fix: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Rows of one table that are refused for one reason."""

    #: By PostgreSQL's names. No columns where the reason names none.
    table: str
    columns: tuple[str, ...]
    #: The columns from which a generated column is computed.
    inputs: tuple[str, ...] = ()
    sqlstate: str
    #: PostgreSQL's message about the first of the rows.
    reason: str
    #: The constraint or index that refuses them, or ''.
    constraint: str = ""
    #: SQLite's rowids, or positions from 1 in a table that has none.
    rows: Sequence[int]
