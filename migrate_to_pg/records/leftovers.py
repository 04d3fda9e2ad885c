"""Tables and views of SQLite that no migration knows, as they are carried to a schema of their own."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from migrate_to_pg.records.options import LEFTOVERS


class Holds(enum.StrEnum):
    """Which of SQLite's values a column of PostgreSQL takes; the name is what it is told apart by."""

    INTEGER = "integer"
    REAL = "real"
    #: Integers and reals, where no integer is too large for a double.
    NUMBER = "number"
    TEXT = "text"
    #: Text that PostgreSQL cannot hold, with NUL or bytes that are no characters: its bytes.
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
    """A column of PostgreSQL: all that a column of SQLite's holds, or one kind of what it holds."""

    #: PostgreSQL's name of it.
    name: str
    #: SQLite's.
    source: str
    holds: Holds
    #: The declared type, in the source's own spelling; '' where there is none.
    declared_type: str
    generated: bool = False
    #: PostgreSQL's type where it held nothing but NULL.
    empty_type: str = "text"
    #: Whether other columns take the rest of what SQLite's column holds.
    shared: bool = False
    not_null: bool = False

    @property
    def type_sql(self) -> str:
        """PostgreSQL's type for what it takes."""
        return _TYPES.get(self.holds, self.empty_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftoverTable:
    """A table, or what a view gives."""

    #: PostgreSQL's name of it.
    name: str
    #: SQLite's.
    source: str
    columns: tuple[LeftoverColumn, ...]
    rows: int
    #: Bytes that its largest row has at most.
    largest_row: int
    #: Names of the columns of its primary key; empty where it has none, or PostgreSQL could not keep it.
    key: tuple[str, ...] = ()
    #: Whether SQLite has a primary key, kept or not.
    has_key: bool = False
    #: The SQL of a view; '' for a table.
    view_sql: str = ""
    is_view: bool = False
    #: By --exclude-data: it is made and stays empty.
    excluded: bool = False

    @property
    def place(self) -> str:
        """As reports name it."""
        return f"{LEFTOVERS}.{self.name}"
