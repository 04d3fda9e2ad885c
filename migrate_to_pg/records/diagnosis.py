"""The records of sqlite_doctor: plain, frozen, knowing neither Django nor a driver. ``doctor.diagnose`` makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from migrate_to_pg.records import Failure, Finding, Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that has the database open."""

    pid: int
    #: As its command line begins: "python manage.py"; never all of it, which may hold a password.
    program: str
    #: Whether it holds the lock of a writer: nobody else can write, nor read where it is exclusive.
    writes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """The database's files as the system shows them, without opening any."""

    bytes: int
    #: "-wal", "-shm", "-journal" -> size, of those that lie beside it.
    beside: Mapping[str, int]
    #: Whether the -journal is that of a write that was never finished, rather than an empty or a cleared one.
    journal_is_hot: bool
    holders: tuple[Holder, ...]
    #: Whether the system showed every process; if not, there may be holders besides these.
    all_holders: bool

    @property
    def writer(self) -> Holder | None:
        """Who holds the write lock."""
        return next((holder for holder in self.holders if holder.writes), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFacts:
    """What the database's own header says."""

    #: "wal" or "rollback": the kinds of rollback journal are each connection's own choice, the file does not tell.
    journal_mode: str
    encoding: str
    auto_vacuum: str
    page_size: int
    page_count: int
    free_pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """One repair that was made in place."""

    #: The rule's id, or "wal" and "checkpoint", which are about the file.
    rule: str
    #: '' for the file.
    table: str
    #: What was done, in words.
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRepaired:
    """One finding whose repair was asked for and cannot be made, with the reason."""

    rule: str
    table: str = ""
    column: str = ""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairRecord:
    """What --repair did to the database itself."""

    #: The copy of the database as it was; '' where nothing had to be changed.
    backup: str = ""
    #: What the database holds now; empty where the repair was given up or taken back.
    repaired: tuple[Repaired, ...] = ()
    not_repaired: tuple[NotRepaired, ...] = ()
    #: Whether the backup was put back.
    restored: bool = False
    #: Why the repair was given up or taken back.
    failure: Failure | None = None
    #: What was asked for by its own name, and not only by "all".
    named: frozenset[str] = frozenset()

    @property
    def ok(self) -> bool:
        """Whether all that was asked for by its name was done."""
        return self.failure is None and not any(left.rule in self.named for left in self.not_repaired)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Everything sqlite_doctor found out; what could not be found out is None."""

    source: str
    file: FileState
    #: Bytes that a snapshot needs, and those that are free where it would lie.
    space_needed: int
    space_free: int
    sqlite_version: str
    pages: PageFacts | None = None
    tables: int | None = None
    rows: int | None = None
    migrations: int | None = None
    findings: tuple[Finding, ...] = field(default_factory=tuple)
    #: Rules found that --repair has a repair for.
    repairable: tuple[str, ...] = ()
    #: None where no repair was asked for.
    repair: RepairRecord | None = None

    @property
    def ok(self) -> bool:
        """Whether no finding is an error, and every repair that was asked for was made."""
        healthy = all(finding.level is not Level.ERROR for finding in self.findings)
        return healthy and (self.repair is None or self.repair.ok)
