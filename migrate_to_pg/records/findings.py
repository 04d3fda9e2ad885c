"""What examine found."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Level(enum.StrEnum):
    """How much a finding matters."""

    #: PostgreSQL would refuse or change the data: stops the run unless a repair is accepted.
    ERROR = "error"
    #: The run goes on; a person should know.
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One offending row."""

    #: Primary key column -> value as text; {"rowid": ...} where the table has no usable key.
    key: Mapping[str, str]
    #: The offending value as a person would recognise it (repr-like, cut to 80 characters).
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault, or one thing worth knowing, with its cause and what to do about it."""

    #: Stable id: "dangling-foreign-key".
    rule: str
    level: Level
    table: str
    #: '' where the fault concerns the table as a whole; "a, b" where it concerns several columns.
    column: str
    #: Offending rows (for schema faults: 1).
    count: int
    samples: tuple[Sample, ...]
    #: What is wrong and what it would do on PostgreSQL, with the root cause where it is known.
    explanation: str
    #: What to do next.
    remedy: str
    #: What --fix does of it: "lossless" or "lossy"; '' where the rule has no repair, or it repairs none of the rows.
    repair: str = ""
    #: How many of the ``count`` the repair repairs, tried on each; None where the rule has none.
    repairable: int | None = None
    #: Whether --quarantine takes this rule: the rows can be set aside.
    quarantinable: bool = False
    #: True where the repair was accepted by --fix, or the rows were set aside.
    applied: bool = False

    @property
    def blocks(self) -> bool:
        """Whether the run must stop before anything is loaded."""
        return self.level is Level.ERROR and not self.applied

    @property
    def beyond_repair(self) -> int:
        """How many of the rows no repair keeps as they have to be."""
        if not self.repair:
            return self.count
        return 0 if self.repairable is None else self.count - self.repairable


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What --fix and --quarantine would have to name so that the run goes on, what was accepted already included."""

    fix: tuple[str, ...] = ()
    quarantine: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRows:
    """Rows that quarantine leaves out, or would leave out, and that stay with more repairs."""

    rows: int
    #: All that quarantine leaves out without these repairs.
    of: int
    #: What --fix would have to name.
    fix: tuple[str, ...]
