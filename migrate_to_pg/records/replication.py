"""PostgreSQL's logical replication of the tables that are replaced."""

from __future__ import annotations

import enum
from dataclasses import dataclass


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
