"""The PostgreSQL side: tables as its catalogue describes them, and publications of them."""

from __future__ import annotations

import enum
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetColumn:
    """A column as PostgreSQL's catalogue describes it."""

    name: str
    #: pg_type.typname of the column's base type: int4, varchar, timestamptz ...
    type_name: str
    #: As a person writes it: "character varying(10)", "numeric(6,2)".
    type_sql: str
    not_null: bool
    #: The type as a cast names it: schema-qualified, quoted, without modifiers; '' without a server.
    cast_to: str = ""
    #: The modifiers of the type, "(5,2)" of numeric(5,2)[]; '' where it has none, and without a server.
    modifiers: str = ""
    #: n of varchar(n) and char(n), in characters.
    max_length: int | None = None
    #: p and s of numeric(p, s).
    precision: int | None = None
    scale: int | None = None
    #: Of a numeric: whether whole numbers keep every digit that SQLite holds, of which Django before 6.1 reads 15.
    exact: bool = False
    #: Computed by PostgreSQL: never loaded, always verified.
    generated: bool = False
    #: pg_type.typname of what decides about a text of it: of an array its elements, of a range its bounds; "enum" and
    #: "composite" for types of those kinds; '' without a server.
    element: str = ""
    #: The same with its modifiers, as a person writes it: "numeric(4,2)".
    element_sql: str = ""
    #: Computed when it is read, not when the row is written.
    virtual: bool = False
    #: Quoted, schema-qualified name of the sequence behind an IDENTITY or serial column; without a server, the name
    #: that it would have.
    sequence: str | None = None
    has_default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteSql:
    """A constraint or an index as Django's backend for SQLite writes it."""

    #: What a CHECK asks of each row, or which rows an index is about; '' for all.
    condition: str = ""
    #: The parts of a key of which one is an expression.
    parts: tuple[str, ...] = ()
    #: The columns that both name, by PostgreSQL's names.
    columns: tuple[str, ...] = ()
    #: The same by the names that they have there.
    names: tuple[str, ...] = ()
    #: Whether SQLite's answer is certain to be PostgreSQL's.
    certain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetForeignKey:
    """A foreign key as PostgreSQL's catalogue describes it."""

    name: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    #: Whether the name is PostgreSQL's. Otherwise the migrations, run on PostgreSQL, will choose it.
    named: bool = True


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
    #: Whether the name is PostgreSQL's. Otherwise the migrations, run on PostgreSQL, will choose it.
    named: bool = True
    #: As Django writes it for SQLite; None where it does not.
    sqlite: SqliteSql | None = None


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
    #: Whether the name is PostgreSQL's. Otherwise the migrations, run on PostgreSQL, will choose it.
    named: bool = True
    #: As Django writes it for SQLite; None where it does not.
    sqlite: SqliteSql | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetCheck:
    """A CHECK constraint."""

    name: str
    #: As PostgreSQL, or offline Django, prints it.
    expression: str
    #: Whether the name is PostgreSQL's. Otherwise the migrations, run on PostgreSQL, will choose it.
    named: bool = True
    #: As Django writes it for SQLite; None where it does not.
    sqlite: SqliteSql | None = None


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
    #: Names of its triggers.
    triggers: tuple[str, ...] = ()

    def column(self, name: str) -> TargetColumn:
        """Return the column of exactly that name."""
        return next(c for c in self.columns if c.name == name)


class Scope(enum.StrEnum):
    """The scope of a publication, as in CREATE PUBLICATION."""

    ALL_TABLES = "FOR ALL TABLES"
    #: Includes every table that is moved into a schema.
    SCHEMAS = "FOR TABLES IN SCHEMA"
    TABLES = "FOR TABLE"
    ALL_SEQUENCES = "FOR ALL SEQUENCES"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogicalPublication:
    """A PostgreSQL publication that a move affects."""

    name: str
    scope: Scope
    #: For scope SCHEMAS: its schemas that the move affects.
    schemas: tuple[str, ...]
    #: Its individually named tables that may be replaced, with their schemas where necessary.
    tables: tuple[str, ...]
    #: A line for each replication slot that may belong to a subscriber.
    subscribers: tuple[str, ...]

    @property
    def scope_sql(self) -> str:
        """Its scope as SQL."""
        named = {Scope.SCHEMAS: self.schemas, Scope.TABLES: self.tables}.get(self.scope, ())
        return f"{self.scope} {', '.join(named)}".strip()
