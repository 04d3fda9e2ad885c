"""Leftovers: tables and views of SQLite that no migration knows, loaded into a schema of their own."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from migrate_to_pg.records.options import LEFTOVERS


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
