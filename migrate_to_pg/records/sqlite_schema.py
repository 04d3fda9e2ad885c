"""The SQLite side: the snapshot and its schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path


def folded(name: str) -> str:
    """Fold a name as SQLite does, which ignores the case of ASCII letters alone."""
    return name.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpFacts:
    """A dump as the report describes it."""

    path: str
    bytes: int
    #: Of the complete file, hexadecimal.
    sha256: str
    #: When it was written: ISO 8601 with offset.
    written: str


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
    #: What the copy was made from, where that is no live source: then ``source`` is a path of another machine.
    dump: DumpFacts | None = None


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
    #: Why SQLite cannot read it here; '' where it can.
    unreadable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """A feature that neither SQLite nor the project has, and that a part of the database needs."""

    #: "collation", "function", "module" (of a virtual table) or "name" (one that is not UTF-8).
    kind: str
    #: Its name, or SQLite's message.
    name: str
    table: str
    #: The column, index or view; '' for the table itself.
    what: str = ""


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
    #: Whether it is that of a working copy, where its rows have the numbers that they had in the snapshot.
    numbered: bool = False
    #: "table"; "virtual", whose contents a module of SQLite's keeps; "shadow", in which it keeps them.
    kind: str = "table"
    #: Bytes of the largest row as SQLite stores it; None where that is not known (a virtual table).
    largest_row: int | None = None
    #: sqlite_sequence.seq, for AUTOINCREMENT tables: the highest id ever given.
    last_id: int | None = None
    #: Why SQLite cannot read it here, so that its columns and rows are not known; '' where it can.
    unreadable: str = ""

    @property
    def is_wide(self) -> bool:
        """True if single rows may have 1 MiB or more, so that several of them take much memory."""
        return self.largest_row is None or self.largest_row > 2**20

    def column(self, name: str) -> SourceColumn | None:
        """Return the column of that name, in any case, as SQLite compares names."""
        return next((c for c in self.columns if folded(c.name) == folded(name)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceIndex:
    """An index in SQLite, those of constraints included."""

    #: '' for a part that is an expression.
    columns: tuple[str, ...]
    unique: bool
    partial: bool
    name: str = ""
    #: Its CREATE INDEX statement; '' where a constraint of the table makes it.
    sql: str = ""

    @property
    def is_plain(self) -> bool:
        """True if it has neither a condition nor an expression."""
        return not self.partial and all(self.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeTable:
    """A table as the applied migrations make it on SQLite."""

    table: SourceTable
    indexes: tuple[SourceIndex, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SourceCatalog:
    """The content of the snapshot."""

    tables: tuple[SourceTable, ...]
    #: name -> SQL of views and of triggers: they are not moved; what a view of nobody's gives may be.
    views: Mapping[str, str] = field(default_factory=dict)
    triggers: Mapping[str, str] = field(default_factory=dict)
    #: (app label, migration name) as recorded in django_migrations.
    applied_migrations: tuple[tuple[str, str], ...] = ()
    lacking: tuple[Lacking, ...] = ()
    #: View -> why SQLite cannot read it here, of those that want something that it lacks.
    unread_views: Mapping[str, str] = field(default_factory=dict)

    @property
    def counted(self) -> tuple[SourceTable, ...]:
        """The tables that reports list, with the number of their rows.

        No view, and neither virtual tables nor those in which they keep their contents: each would count rows twice.
        """
        return tuple(table for table in self.tables if table.kind == "table")

    def table(self, name: str) -> SourceTable | None:
        """Return the table of that name, in any case, as SQLite compares names."""
        return self._by_name.get(folded(name))

    @cached_property
    def _by_name(self) -> dict[str, SourceTable]:
        return {folded(table.name): table for table in self.tables}
