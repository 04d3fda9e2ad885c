"""Everything that a run did, for the report, and its events for the progress display."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from migrate_to_pg.records.findings import Advice, Finding, KeptRows
from migrate_to_pg.records.repairs import ChangedCells, RemovedRows
from migrate_to_pg.records.results import Exported, Identity, LoadedTable, MadeFile, Publication, Verification
from migrate_to_pg.records.sqlite_schema import DumpFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTime:
    """The duration of a stage."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """The source as the report describes it."""

    path: str
    bytes: int
    sha256: str
    #: SHA-256 of the same file at the end of the run; '' where the run ended before it was taken again.
    sha256_after: str
    tables: int
    rows: int
    #: Where the snapshot is kept; '' where it was removed at the end.
    snapshot: str
    #: Where the journal of the repairs is kept, a SQLite database; '' where nothing was repaired, or it was removed.
    journal: str = ""
    #: Whether anybody committed to it after the snapshot; what only its -wal holds included.
    changed: bool = False
    #: 'table: n rows ...': what was published without, by --accept-stale.
    left_behind: tuple[str, ...] = ()
    #: What --from-dump named; None for a live source.
    dump: DumpFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFacts:
    """The target as the report describes it. The URL never holds a password."""

    url: str
    version: str
    schema: str
    #: Where the server of --target embedded has its data; '' for any other.
    embedded: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The reason why a run stopped."""

    message: str
    detail: tuple[str, ...]
    remedy: str
    exit_status: int
    #: Where the connection was lost with the commit: whether it was published, nobody can tell.
    may_be_published: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedTable:
    """A table whose rows were excluded."""

    name: str
    #: Of SQLite's.
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that a run did, for the terminal, the HTML page and report.json."""

    ok: bool
    #: "check", "dump", "rehearse", "publish", "verify_only", "undo", "move_back", "since_publish" or "rebuild".
    mode: str
    #: ISO 8601 with offset.
    started: str
    stages: tuple[StageTime, ...] = ()
    #: By the clock on the wall, from the start of the process to the end of the run; 0 where nobody measured.
    seconds: float = 0.0
    #: Which SQLite database is read, and why, in one sentence; '' where none is.
    source_choice: str = ""
    source: SourceFacts | None = None
    target: TargetFacts | None = None
    loaded: tuple[LoadedTable, ...] = ()
    #: By --exclude-data.
    excluded: tuple[ExcludedTable, ...] = ()
    findings: tuple[Finding, ...] = ()
    #: What to accept so that a blocked run can continue; None where nothing helps, or nothing is needed.
    advice: Advice | None = None
    #: How many of the rows that quarantine leaves out, or would leave out, more repairs keep; None for none.
    could_stay: KeptRows | None = None
    #: Cells that the accepted repairs changed, and rows that they removed; those shown are the first of many.
    changed: tuple[ChangedCells, ...] = ()
    removed: tuple[RemovedRows, ...] = ()
    identities: tuple[Identity, ...] = ()
    verification: Verification | None = None
    publication: Publication | None = None
    #: By --export.
    export: Exported | None = None
    #: What migrate_from_pg or sqlite_doctor --rebuild made.
    made: MadeFile | None = None
    #: What --dump wrote.
    dump: DumpFacts | None = None
    failure: Failure | None = None
    #: The command line that asked for it, without any password; '' where it was no command.
    command: str = ""
    #: Name -> version of everything that had a hand in it.
    versions: Mapping[str, str] = field(default_factory=dict)
    #: Things a person should do now, in order.
    next_steps: tuple[str, ...] = ()
    #: The command line that continues a run that findings block, without any password; '' otherwise.
    continue_with: str = ""
    #: What that command line needs besides: the password, or a variable of the environment.
    continue_needs: str = ""
    #: Where report.html and report.json are; '' where they could not be written, or none was wanted.
    directory: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event for the progress display. The library never prints."""

    #: "stage" (a stage begins), "progress" (done of total, in a stage), "note" (a line), "stage_done".
    kind: str
    stage: str
    message: str = ""
    #: Rows or bytes or steps done so far, of total; 0 total where unknown.
    done: int = 0
    total: int = 0


#: Takes each event as it happens.
Progress = Callable[[Event], None]
