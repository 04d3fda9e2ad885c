"""The plan, with both sides paired, which --check shows and load uses, and the leftovers beside it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from migrate_to_pg.records.options import LEFTOVERS
from migrate_to_pg.records.postgres_schema import TargetColumn, TargetTable
from migrate_to_pg.records.sqlite_schema import MadeTable, SourceColumn, SourceTable


class Unmade(enum.StrEnum):
    """Reasons why no applied migration makes the table of an installed model."""

    #: managed = False.
    UNMANAGED = "unmanaged"
    #: A migration of its application makes it, which the database does not record as applied.
    UNAPPLIED = "unapplied"
    #: Its application has migrations, and none of them makes it.
    UNWRITTEN = "unwritten"
    #: The applied migrations know the model, and made no table for it on PostgreSQL.
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelNames:
    """One model with the names of its table and columns on SQLite and on PostgreSQL."""

    #: app.Model.
    label: str
    source: str
    target: str
    #: (SQLite's name, PostgreSQL's name) of each column.
    columns: tuple[tuple[str, str], ...]
    #: Whether an installed application uses it in the database that is moved.
    is_used: bool
    #: Why nothing makes its table. None where the applied migrations, or migrate --run-syncdb, do.
    unmade: Unmade | None = None
    #: The migration that would make it, "app name", where there is one.
    migration: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AmbiguousName:
    """Several names of SQLite that match one name of PostgreSQL, or the reverse."""

    #: PostgreSQL's table, '' where the names are those of tables.
    table: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedColumn:
    """One column on both sides."""

    source: SourceColumn
    target: TargetColumn

    @property
    def name(self) -> str:
        """PostgreSQL's name."""
        return self.target.name


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTable:
    """One table on both sides, its columns paired by name."""

    source: SourceTable
    target: TargetTable
    #: Every column that both sides have, in PostgreSQL's order, generated ones included.
    columns: tuple[PlannedColumn, ...]
    #: SQLite columns that PostgreSQL's table lacks: their data would be lost.
    only_source: tuple[SourceColumn, ...] = ()
    #: PostgreSQL columns that SQLite's table lacks.
    only_target: tuple[TargetColumn, ...] = ()
    #: Columns with derived data in two types without a conversion. Their values are not moved.
    derived: tuple[PlannedColumn, ...] = ()

    @property
    def name(self) -> str:
        """PostgreSQL's name."""
        return self.target.name

    @property
    def loaded_columns(self) -> tuple[PlannedColumn, ...]:
        """The columns that COPY sends: all but the generated ones."""
        return tuple(c for c in self.columns if not c.target.generated)

    @property
    def key(self) -> tuple[PlannedColumn, ...]:
        """The primary key's columns, empty where there is no key or SQLite lacks a part of it."""
        return tuple(self.columns_named(self.target.primary_key))

    @property
    def key_names(self) -> tuple[str, ...]:
        """PostgreSQL's names of the primary key's columns."""
        return tuple(column.name for column in self.key)

    def columns_named(self, names: tuple[str, ...]) -> list[PlannedColumn]:
        """Return the columns of these names on PostgreSQL, or none where SQLite lacks one of them."""
        by_name = {c.name: c for c in self.columns}
        return [by_name[name] for name in names] if all(name in by_name for name in names) else []


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemCheck:
    """A message of a Django system check that fails on PostgreSQL and not on SQLite."""

    #: "fields.E221".
    id: str
    #: "shop.Item.twice".
    object: str
    message: str
    hint: str = ""
    #: PostgreSQL's names, as far as it is about a model or a field.
    table: str = ""
    column: str = ""
    #: The major version that was assumed, without a server; 0 where one was asked.
    assumed: int = 0
    #: Where only older servers fail: the oldest that Django supports.
    until: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A collation, function, type or extension that a model needs and no migration makes."""

    #: "collation", "function", "type" or "extension".
    kind: str
    name: str
    #: "shop.Item.name", or the name of a constraint or an index of the model.
    object: str
    #: PostgreSQL's names; no column where it is about a constraint or an index.
    table: str
    column: str = ""
    #: It is SQLite's, or the project's on SQLite: PostgreSQL has none. Of any other only the server knows.
    is_sqlite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericKey:
    """A key with its parent's model in one column and its row in another, by PostgreSQL's names."""

    table: str
    #: Refers to django_content_type.
    content_type_column: str
    object_column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmadeTable:
    """A table or view of SQLite that an installed model uses, and that PostgreSQL has not."""

    #: SQLite's.
    name: str
    #: app.Model of all that use it.
    models: tuple[str, ...]
    why: Unmade
    #: The migration that would make it, "app name"; '' where there is none.
    migration: str = ""
    #: Whether a migration may make it by RunSQL or RunPython, which only a server shows.
    may_be_made: bool = False
    #: It, and its table on PostgreSQL as the model defines it; None for a view.
    table: PlannedTable | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """SQLite table x staged table: the very object that --check shows and load consumes."""

    tables: tuple[PlannedTable, ...]
    #: SQLite tables that no migration knows.
    leftovers: tuple[SourceTable, ...] = ()
    #: SQLite's views that PostgreSQL has not: no migration makes them.
    leftover_views: tuple[str, ...] = ()
    #: Those of both whose rows are not wanted.
    excluded_leftovers: tuple[str, ...] = ()
    #: Staged tables that SQLite lacks: they are published as the migrations made them.
    only_target: tuple[TargetTable, ...] = ()
    #: What naive text in a timestamptz column means: the name of a time zone ("UTC" with USE_TZ).
    source_time_zone: str = "UTC"
    #: Whether Django reads moments as local time, without a zone: USE_TZ is False.
    local_times: bool = False
    #: (app label, model name in lower case) -> PostgreSQL's name of its table, for every installed model.
    models: Mapping[tuple[str, str], str] = field(default_factory=dict)
    generic_keys: tuple[GenericKey, ...] = ()
    #: Tables of both sides whose rows are not wanted: they stay empty.
    excluded: tuple[PlannedTable, ...] = ()
    #: Whether no server was asked: the tables are those expected of the models, without what RunSQL and RunPython make.
    offline: bool = False
    #: Name in lower case -> each table as the applied migrations make it on SQLite; None where they do not run there.
    made: Mapping[str, MadeTable] | None = None
    #: What Django's own checks say of the models on PostgreSQL.
    system_checks: tuple[SystemCheck, ...] = ()
    #: What the models ask of PostgreSQL, as far as it may lack it; asked where no server is.
    needs: tuple[Need, ...] = ()
    #: Names that more than one of the other side would fit.
    ambiguous_names: tuple[AmbiguousName, ...] = ()
    #: Those among ``leftovers`` and ``leftover_views`` that installed models use.
    unmade: tuple[UnmadeTable, ...] = ()
    #: SQLite's names of those of them that --as-leftovers names.
    as_leftovers: tuple[str, ...] = ()

    def parent(self, name: str) -> PlannedTable | None:
        """The table that a key refers to, also where nothing makes it on PostgreSQL; by PostgreSQL's name."""
        there = (unmade.table for unmade in self.unmade if unmade.table and unmade.table.name == name)
        return self.table(name) or next(there, None)

    def table(self, name: str) -> PlannedTable | None:
        """The planned table with exactly that PostgreSQL name."""
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> dict[str, PlannedTable]:
        return {table.name: table for table in self.tables}


class Holds(enum.StrEnum):
    """The kind of SQLite values that a column of PostgreSQL takes. Its name is part of the column's name."""

    INTEGER = "integer"
    REAL = "real"
    #: Integers and reals, if no integer is too large for a double.
    NUMBER = "number"
    TEXT = "text"
    #: The bytes of text that PostgreSQL cannot hold, with NUL or invalid bytes.
    TEXT_BYTES = "text_bytes"
    BLOB = "blob"
    #: Nothing but NULL.
    NOTHING = "nothing"


_TYPES = {
    Holds.INTEGER: "bigint",
    Holds.REAL: "double precision",
    Holds.NUMBER: "double precision",
    Holds.TEXT: "text",
    Holds.TEXT_BYTES: "bytea",
    Holds.BLOB: "bytea",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftoverColumn:
    """A column of PostgreSQL with all values of a SQLite column, or with one kind of them."""

    #: PostgreSQL's name of it.
    name: str
    #: SQLite's.
    source: str
    holds: Holds
    #: The declared type as spelled in the source, or ''.
    declared_type: str
    generated: bool = False
    #: PostgreSQL's type where it held nothing but NULL.
    empty_type: str = "text"
    #: Whether other columns take SQLite's other values.
    shared: bool = False
    not_null: bool = False

    @property
    def type_sql(self) -> str:
        """PostgreSQL's type for these values."""
        return _TYPES.get(self.holds, self.empty_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftoverTable:
    """A table, or the rows of a view."""

    #: PostgreSQL's name of it.
    name: str
    #: SQLite's.
    source: str
    columns: tuple[LeftoverColumn, ...]
    rows: int
    #: Upper limit of the bytes of its largest row.
    largest_row: int
    #: Columns of its primary key. Empty where it has none, or PostgreSQL could not keep it.
    key: tuple[str, ...] = ()
    #: Whether SQLite has a primary key, kept or not.
    has_key: bool = False
    #: The SQL of a view; '' for a table.
    view_sql: str = ""
    is_view: bool = False
    #: By --exclude-data: it is created and stays empty.
    excluded: bool = False

    @property
    def place(self) -> str:
        """Its name in reports."""
        return f"{LEFTOVERS}.{self.name}"
