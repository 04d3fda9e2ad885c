"""What PostgreSQL's logical replication has of the tables that are replaced."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Scope(enum.StrEnum):
    """How a publication of PostgreSQL's says what it has: as CREATE PUBLICATION does."""

    ALL_TABLES = "FOR ALL TABLES"
    #: Whatever comes into a schema is in it.
    SCHEMAS = "FOR TABLES IN SCHEMA"
    TABLES = "FOR TABLE"
    ALL_SEQUENCES = "FOR ALL SEQUENCES"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogicalPublication:
    """A publication of PostgreSQL's that a move touches."""

    name: str
    scope: Scope
    #: Of scope SCHEMAS: those of them that the move touches.
    schemas: tuple[str, ...]
    #: The tables of it that may be replaced, as they were named one by one; with their schemas where need be.
    tables: tuple[str, ...]
    #: A line for each replication slot that may be of a subscriber.
    subscribers: tuple[str, ...]

    @property
    def told(self) -> str:
        """What it has, as SQL says it."""
        named = {Scope.SCHEMAS: self.schemas, Scope.TABLES: self.tables}.get(self.scope, ())
        return f"{self.scope} {', '.join(named)}".strip()
