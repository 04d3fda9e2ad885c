"""The records of sqlite_doctor, which ``doctor.diagnose`` makes. They know neither Django nor a driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from migrate_to_pg.records import Failure, Finding, Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that has the database open."""

    pid: int
    #: Begin of its command line, "python manage.py". The rest may hold a password.
    program: str
    #: Whether it holds a writer's lock: nobody else can write, nor read where the lock is exclusive.
    writes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """The database's files as the system shows them, without opening any."""

    bytes: int
    #: "-wal", "-shm", "-journal" -> size, of the existing files.
    beside: Mapping[str, int]
    #: Whether the -journal belongs to an unfinished write. Otherwise it is empty or cleared.
    journal_is_hot: bool
    holders: tuple[Holder, ...]
    #: Whether the system showed every process. If not, there may be other holders.
    all_holders: bool

    @property
    def writer(self) -> Holder | None:
        """The process that holds the write lock, or None."""
        return next((holder for holder in self.holders if holder.writes), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFacts:
    """Facts of the database's own header."""

    #: "wal" or "rollback". The kind of rollback journal is each connection's choice and not in the file.
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
    """One finding with a requested repair that cannot be made, and the reason."""

    rule: str
    table: str = ""
    column: str = ""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairRecord:
    """The effects of --repair on the database itself."""

    #: The backup, or '' where nothing had to be changed.
    backup: str = ""
    #: The lasting repairs: none where the repair was given up or undone.
    repaired: tuple[Repaired, ...] = ()
    not_repaired: tuple[NotRepaired, ...] = ()
    #: Whether the backup was restored.
    restored: bool = False
    #: Why the repair was given up or undone.
    failure: Failure | None = None
    #: Repairs requested by their own names, and not only by "all".
    named: frozenset[str] = frozenset()

    @property
    def ok(self) -> bool:
        """True if everything requested by its own name was repaired."""
        return self.failure is None and not any(left.rule in self.named for left in self.not_repaired)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All results of sqlite_doctor. Unknown facts are None."""

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
    #: Found rules with a repair of --repair.
    repairable: tuple[str, ...] = ()
    #: None where no repair was requested.
    repair: RepairRecord | None = None

    @property
    def ok(self) -> bool:
        """True if no finding is an error, and every requested repair was made."""
        healthy = all(finding.level is not Level.ERROR for finding in self.findings)
        return healthy and (self.repair is None or self.repair.ok)
