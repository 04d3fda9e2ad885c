"""The results of load, restore, verify and publish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from migrate_to_pg.records.options import Verify


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedTable:
    """The result of load for one table."""

    name: str
    rows: int
    seconds: float
    #: Whether its rows are what a view of SQLite's gave.
    of_view: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The next value that a sequence will give."""

    table: str
    column: str
    next: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One cell, or one row, that differs between both sides."""

    table: str
    #: Primary key column -> value as text.
    key: Mapping[str, str]
    #: '' for a row.
    column: str
    #: "changed", "missing" (in PostgreSQL), "extra" (in PostgreSQL), or "unexplained": the record of the repairs says
    #: what the verification cannot confirm.
    kind: str
    #: Both values as text; None for a NULL or an absent row. Of "unexplained": why, and the recorded value.
    source: str | None
    target: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputedOtherwise:
    """A column that PostgreSQL computes itself, with other values than SQLite. Reported, but no difference."""

    table: str
    column: str
    count: int
    #: The first of them.
    samples: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedTable:
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
    #: Rows of the source that are not in PostgreSQL, and are complete in the journal.
    quarantined: int = 0
    merged: int = 0
    #: Cells that a repair changed: each began as SQLite has it and is in PostgreSQL as the journal has it.
    cells_changed: int = 0
    #: Cells that PostgreSQL computes itself, each verified by its own expression; not among those compared.
    cells_computed: int = 0
    #: Those of them that SQLite holds otherwise.
    otherwise: tuple[ComputedOtherwise, ...] = ()
    #: Columns whose values were left out on purpose, and are not compared.
    left_out: tuple[str, ...] = ()
    #: Whether its rows are what a view of SQLite's gave.
    of_view: bool = False
    #: Rows that PostgreSQL alone has, rows that it has no longer, and rows of both with other values.
    rows_added: int = 0
    rows_removed: int = 0
    rows_changed: int = 0

    @property
    def adds_up(self) -> bool:
        """True if every row of the source is in PostgreSQL, in quarantine or merged."""
        return self.rows_source == self.rows_target + self.quarantined + self.merged


@dataclass(frozen=True, slots=True, kw_only=True)
class OrmTable:
    """One model's table as Django's ORM reads it on both sides."""

    name: str
    rows: int
    #: Of all rows.
    values: int
    #: Foreign keys that found their row on PostgreSQL, as they did on SQLite.
    keys_followed: int
    differences: int
    #: The first of them.
    samples: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadModel:
    """A model with a table that was not read through Django's ORM, and the reason."""

    model: str
    #: PostgreSQL's name of its table.
    table: str
    reason: str
    #: False where the reason is a fault.
    accepted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The verification of staging against the snapshot."""

    verify: Verify
    tables: tuple[VerifiedTable, ...]
    #: What the ORM read, where it was asked as well.
    orm: tuple[OrmTable, ...] = ()
    #: The models that it was not asked about.
    unread: tuple[UnreadModel, ...] = ()

    @property
    def holds(self) -> bool:
        """True where no difference was found in any table, and every row is accounted for."""
        return not self.faulty

    @property
    def left_out(self) -> list[str]:
        """The columns that were left out on purpose, each with its table."""
        return [f"{table.name}.{column}" for table in self.tables for column in table.left_out]

    @property
    def faulty(self) -> list[str]:
        """The tables with a difference, or with rows unaccounted for."""
        tables = [table.name for table in self.tables if table.differences or not table.adds_up]
        return tables + [one.model for one in self.unread if not one.accepted]

    def with_orm(self, read: tuple[OrmTable, ...], unread: tuple[UnreadModel, ...]) -> Verification:
        """Add the ORM's results to a verification without differing cells. Its differences count as the tables'."""
        known = {table.name: table for table in read}
        tables = (
            replace(table, differences=found.differences, samples=found.samples)
            if (found := known.get(table.name))
            else table
            for table in self.tables
        )
        return replace(self, tables=tuple(tables), orm=read, unread=unread)


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshRows:
    """The rows that Django's own post_migrate receivers put into an empty database."""

    #: (app label, model)
    content_types: frozenset[tuple[str, str]]
    #: (app label, model, codename)
    permissions: frozenset[tuple[str, str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OldFile:
    """What is recorded of the SQLite file that was moved to PostgreSQL."""

    #: Rows that the publication left in quarantine, and those that it merged into others.
    quarantined: int
    merged: int
    #: The journal that has them complete; '' where it is gone, or never was.
    journal: str
    #: The snapshot, which tells what no migration made, and whether it can be read.
    snapshot: str
    is_kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFile:
    """The SQLite file that migrate_from_pg made."""

    path: str
    bytes: int
    sha256: str
    tables: int
    rows: int
    #: The SQLite database with the rows that quarantine left out; '' where there are none.
    quarantine: str = ""
    #: 'table: n rows ...': what was written to PostgreSQL meanwhile and is not in the file, by --accept-stale.
    left_behind: tuple[str, ...] = ()
    #: The file that was moved to PostgreSQL; None where no publication is recorded.
    old: OldFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The archive of --export."""

    path: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The result of publish, in its one transaction."""

    schema: str
    tables: tuple[str, ...]
    #: Tables that were there before and are now in the archive schema.
    replaced: tuple[str, ...]
    #: The dated schema that keeps the replaced tables; '' where nothing was replaced.
    archive: str
    #: How long the locks on the final schema's tables were held.
    locked_seconds: float
    #: Tables of schema sqlite_leftovers, made by this publication; of an undone one, those that left it.
    leftovers: tuple[str, ...] = ()
    #: The dated schema that keeps what was in sqlite_leftovers before; '' where nothing did.
    leftovers_archive: str = ""
    #: The SQLite file that was published; '' where a dump was, or it is not known.
    source: str = ""
