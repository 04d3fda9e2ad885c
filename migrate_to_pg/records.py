"""The records that flow from stage to stage: plain, frozen, knowing neither Django nor a driver.

A stage takes some of these and returns one of these. Nothing here has behaviour beyond small derived facts.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from migrate_to_pg.account import ChangedCells, RowsAside

#: The schema on PostgreSQL in which everything happens until publish.
INCOMING = "migrate_to_pg_incoming"
#: The final place of the tables.
FINAL = "public"
#: The schema that keeps what this tool itself must remember: publications, for --undo.
BOOKKEEPING = "migrate_to_pg"


class Level(enum.StrEnum):
    """How much a finding matters."""

    #: PostgreSQL would refuse or change the data: stops the run unless a repair is accepted.
    ERROR = "error"
    #: The run goes on; a person should know.
    WARNING = "warning"


class Verify(enum.StrEnum):
    """How much prove compares."""

    COUNTS = "counts"
    CELLS = "cells"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a run is asked to do; the command's options, or those of a caller of ``pipeline``."""

    #: Path, sqlite:/// URL or alias of the SQLite database; None: MIGRATE_TO_PG["SOURCE"], else BASE_DIR/db.sqlite3.
    source: str | None = None
    #: URL or alias of the PostgreSQL database, or embedded[:DIR]; None: the default database.
    target: str | None = None
    #: "check" stops after examine and never connects; "rehearse" does everything but publish; "publish".
    mode: str = "publish"
    verify: Verify = Verify.COUNTS
    #: Rules whose repair is accepted; "all" stands for every lossless one.
    fix: tuple[str, ...] = ()
    #: Rules whose rows are set aside; "all" stands for every one that is about rows.
    quarantine: tuple[str, ...] = ()
    #: Replace tables of the target that hold user data; they are moved to a dated schema.
    replace: bool = False
    #: Publish although the source was written to after the snapshot.
    accept_stale: bool = False
    #: Hold SQLite's write lock from snapshot to publish.
    lock_source: bool = False
    #: Leave tables that no migration knows behind, although they hold rows.
    skip_leftovers: bool = False
    #: Keep the snapshot and, after a rehearsal, the incoming schema.
    keep: bool = False
    #: Where the report and the snapshot go; None: migrate_to_pg_report/<timestamp> below BASE_DIR.
    report: Path | None = None


# --- source -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A consistent private copy of the source, as it was at one moment."""

    source: Path
    #: The copy, mode 0600.
    path: Path
    #: Size of the copy in bytes.
    size: int
    #: SHA-256 of the copy, hexadecimal.
    sha256: str
    #: SHA-256 of the source's main file when the copy was made, hexadecimal.
    source_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceColumn:
    """A column as SQLite declares it (PRAGMA table_xinfo)."""

    name: str
    #: The declared type, in the source's own spelling; '' where there is none.
    declared_type: str
    not_null: bool
    #: Position in the primary key from 1, 0 where it is no part of it.
    key_position: int
    generated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceForeignKey:
    """A foreign key as SQLite declares it (PRAGMA foreign_key_list)."""

    columns: tuple[str, ...]
    parent: str
    #: Empty where the key names the parent's primary key by leaving the columns out.
    parent_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTable:
    """An ordinary or virtual table of the snapshot."""

    name: str
    #: The CREATE TABLE statement that SQLite kept.
    sql: str
    columns: tuple[SourceColumn, ...]
    foreign_keys: tuple[SourceForeignKey, ...]
    rows: int
    without_rowid: bool = False
    #: sqlite_sequence.seq, for AUTOINCREMENT tables: the highest id ever given.
    last_id: int | None = None

    def column(self, name: str) -> SourceColumn | None:
        """The column of that name, in any case, as SQLite compares names."""
        return next((c for c in self.columns if c.name.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCatalog:
    """What the snapshot really holds."""

    tables: tuple[SourceTable, ...]
    #: name -> SQL of views and of triggers: they are not data, and are not moved.
    views: Mapping[str, str] = field(default_factory=dict)
    triggers: Mapping[str, str] = field(default_factory=dict)
    #: (app label, migration name) as recorded in django_migrations.
    applied_migrations: tuple[tuple[str, str], ...] = ()

    def table(self, name: str) -> SourceTable | None:
        """The table of that name, in any case, as SQLite compares names."""
        return next((t for t in self.tables if t.name.lower() == name.lower()), None)


# --- target -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetColumn:
    """A column as PostgreSQL's catalogue describes it."""

    name: str
    #: pg_type.typname of the column's base type: int4, varchar, timestamptz ...
    type_name: str
    #: As a person writes it: "character varying(10)", "numeric(6,2)".
    type_sql: str
    not_null: bool
    #: n of varchar(n) and char(n), in characters.
    max_length: int | None = None
    #: p and s of numeric(p, s).
    precision: int | None = None
    scale: int | None = None
    #: Computed by PostgreSQL: never loaded, always proven.
    generated: bool = False
    #: Quoted, schema-qualified name of the sequence behind an IDENTITY or serial column.
    sequence: str | None = None
    has_default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetForeignKey:
    """A foreign key as PostgreSQL's catalogue describes it."""

    name: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetUnique:
    """A unique constraint or unique index."""

    name: str
    #: Empty where a part of the key is an expression.
    columns: tuple[str, ...]
    #: Every part of such a key, plain columns included, as PostgreSQL or offline Django prints it.
    expressions: tuple[str, ...] = ()
    nulls_not_distinct: bool = False
    #: The predicate of a partial unique index, as PostgreSQL prints it; '' where it is total.
    predicate: str = ""
    primary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetIndex:
    """An index that is not unique."""

    name: str
    #: The parts of its key in their order; '' for one that is an expression.
    columns: tuple[str, ...]
    #: pg_am.amname: btree, gin ...
    method: str = "btree"
    #: The predicate of a partial index, as PostgreSQL prints it; '' where it is total.
    predicate: str = ""
    #: Columns that its entries hold beside the key.
    included: tuple[str, ...] = ()
    #: Django's second index of a text column, for LIKE: on PostgreSQL alone.
    for_like: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetCheck:
    """A CHECK constraint."""

    name: str
    #: As PostgreSQL, or offline Django, prints it.
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTable:
    """A table of the incoming schema."""

    name: str
    columns: tuple[TargetColumn, ...]
    primary_key: tuple[str, ...]
    uniques: tuple[TargetUnique, ...] = ()
    foreign_keys: tuple[TargetForeignKey, ...] = ()
    checks: tuple[TargetCheck, ...] = ()
    indexes: tuple[TargetIndex, ...] = ()

    def column(self, name: str) -> TargetColumn:
        """The column of exactly that name."""
        return next(c for c in self.columns if c.name == name)


# --- plan -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedColumn:
    """One column on both sides."""

    source: SourceColumn
    target: TargetColumn

    @property
    def name(self) -> str:
        """PostgreSQL's name of it."""
        return self.target.name


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTable:
    """One table on both sides, its columns paired by name."""

    source: SourceTable
    target: TargetTable
    #: Every column that both sides have, in PostgreSQL's order; generated ones included.
    columns: tuple[PlannedColumn, ...]
    #: SQLite columns that PostgreSQL's table lacks: their data would be lost.
    only_source: tuple[SourceColumn, ...] = ()
    #: PostgreSQL columns that SQLite's table lacks.
    only_target: tuple[TargetColumn, ...] = ()

    @property
    def name(self) -> str:
        """PostgreSQL's name of it."""
        return self.target.name

    @property
    def loaded_columns(self) -> tuple[PlannedColumn, ...]:
        """The columns that COPY sends: all but the generated ones."""
        return tuple(c for c in self.columns if not c.target.generated)

    @property
    def key(self) -> tuple[PlannedColumn, ...]:
        """The primary key's columns, empty where there is no key or SQLite lacks a part of it."""
        by_name = {c.name: c for c in self.columns}
        if any(name not in by_name for name in self.target.primary_key):
            return ()
        return tuple(by_name[name] for name in self.target.primary_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericKey:
    """A key that names its parent's model in one column and its row in another; by PostgreSQL's names."""

    table: str
    #: Refers to django_content_type.
    content_type_column: str
    object_column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """SQLite table x staged table: the very object that --check shows and load consumes."""

    tables: tuple[PlannedTable, ...]
    #: SQLite tables that no migration knows.
    leftovers: tuple[SourceTable, ...] = ()
    #: Staged tables that SQLite lacks: they are published as the migrations made them.
    only_target: tuple[TargetTable, ...] = ()
    #: What naive text in a timestamptz column means: the name of a time zone ("UTC" with USE_TZ).
    source_time_zone: str = "UTC"
    #: (app label, model name in lower case) -> PostgreSQL's name of its table, for every installed model.
    models: Mapping[tuple[str, str], str] = field(default_factory=dict)
    generic_keys: tuple[GenericKey, ...] = ()

    def table(self, name: str) -> PlannedTable | None:
        """The planned table with exactly that PostgreSQL name."""
        return next((t for t in self.tables if t.name == name), None)


# --- findings ---------------------------------------------------------------------------------------------------------


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
    #: True where --fix names a repair for this rule: "lossless" or "lossy"; '' where there is none.
    repair: str = ""
    #: Whether --quarantine takes this rule: the rows can be set aside.
    quarantinable: bool = False
    #: True where the repair was accepted by --fix, or the rows were set aside.
    applied: bool = False

    @property
    def blocks(self) -> bool:
        """Whether the run must stop before anything is loaded."""
        return self.level is Level.ERROR and not self.applied


# --- load, restore, proof, publish ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedTable:
    """What load sent for one table."""

    name: str
    rows: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The next value that a sequence will give."""

    table: str
    column: str
    next: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One cell, or one row, that is not the same on both sides."""

    table: str
    #: Primary key column -> value as text.
    key: Mapping[str, str]
    #: '' for a whole row.
    column: str
    #: "changed", "missing" (in PostgreSQL), "extra" (in PostgreSQL), or "unexplained": the record of the repairs says
    #: what the proof cannot confirm.
    kind: str
    #: Both values as text; None for a NULL or an absent row. Of "unexplained": why, and the recorded value.
    source: str | None
    target: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableProof:
    """The comparison of one table."""

    name: str
    #: As the snapshot has them, before any repair.
    rows_source: int
    rows_target: int
    #: 0 where only rows were counted.
    cells_compared: int
    #: Exact number of differing cells plus missing plus extra rows.
    differences: int
    #: The first of them.
    samples: tuple[Difference, ...]
    seconds: float
    #: Rows of the source that are not in PostgreSQL, and are whole in the journal.
    quarantined: int = 0
    merged: int = 0
    #: Cells that a repair changed, each recomputed by the proof itself.
    cells_changed: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether every row of the source is in PostgreSQL, in quarantine or merged."""
        return self.rows_source == self.rows_target + self.quarantined + self.merged


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Whether staging holds what the snapshot holds."""

    verify: Verify
    tables: tuple[TableProof, ...]

    @property
    def holds(self) -> bool:
        """True where no difference was found in any table, and every row is accounted for."""
        return all(t.differences == 0 and t.adds_up for t in self.tables)


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshRows:
    """What Django's own post_migrate receivers put into an empty database."""

    #: (app label, model)
    content_types: frozenset[tuple[str, str]]
    #: (app label, model, codename)
    permissions: frozenset[tuple[str, str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What publish did, in its one transaction."""

    schema: str
    tables: tuple[str, ...]
    #: Tables that were there before and are now in the archive schema.
    replaced: tuple[str, ...]
    #: The dated schema that keeps the replaced tables; '' where nothing was replaced.
    archive: str
    #: How long the locks on the final schema's tables were held.
    locked_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTime:
    """How long a stage took."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """The source as the report tells of it."""

    path: str
    bytes: int
    sha256: str
    #: SHA-256 of the same file at the end of the run; '' where the run ended before it was taken again.
    sha256_after: str
    tables: int
    rows: int
    #: Where the snapshot is kept; '' where it was removed at the end.
    snapshot: str
    #: Where the journal of the repairs is kept, a SQLite database; '' where nothing was mended, or it was removed.
    journal: str = ""
    #: Whether anybody committed to it after the snapshot; what only its -wal holds included.
    changed: bool = False
    #: 'table: n rows ...': what was published without, by --accept-stale.
    left_behind: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFacts:
    """The target as the report tells of it; the URL never holds a password."""

    url: str
    version: str
    schema: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What stopped a run."""

    message: str
    detail: tuple[str, ...]
    remedy: str
    exit_status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything a run did: what the terminal, the HTML page and report.json tell."""

    ok: bool
    #: "check", "rehearse", "publish" or "undo".
    mode: str
    #: ISO 8601 with offset.
    started: str
    stages: tuple[StageTime, ...] = ()
    source: SourceFacts | None = None
    target: TargetFacts | None = None
    loaded: tuple[LoadedTable, ...] = ()
    findings: tuple[Finding, ...] = ()
    #: What the accepted repairs changed and set aside; the cells and rows shown are the first of many.
    changed: tuple[ChangedCells, ...] = ()
    aside: tuple[RowsAside, ...] = ()
    identities: tuple[Identity, ...] = ()
    proof: Proof | None = None
    publication: Publication | None = None
    failure: Failure | None = None
    #: Name -> version of everything that had a hand in it.
    versions: Mapping[str, str] = field(default_factory=dict)
    #: Things a person should do now, in order.
    next_steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that the progress display may show. The library never prints."""

    #: "stage" (a stage begins), "progress" (done of total, in a stage), "note" (a line), "stage_done".
    kind: str
    stage: str
    message: str = ""
    #: Rows or bytes or steps done so far, of total; 0 total where unknown.
    done: int = 0
    total: int = 0
