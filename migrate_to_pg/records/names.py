"""What each side calls a model's table and columns."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Unmade(enum.StrEnum):
    """Why no applied migration makes the table of an installed model."""

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
    """One model: its table and its columns as SQLite and as PostgreSQL call them."""

    #: app.Model.
    label: str
    source: str
    target: str
    #: SQLite's name and PostgreSQL's of each column.
    columns: tuple[tuple[str, str], ...]
    #: Whether an installed application has it, and uses it in the database that is moved.
    is_used: bool
    #: Why nothing makes its table; None where the applied migrations, or migrate --run-syncdb, do.
    unmade: Unmade | None = None
    #: The migration that would make it, "app name", where there is one.
    migration: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AmbiguousName:
    """Several names of SQLite's that one name of PostgreSQL's would fit, or the other way round."""

    #: PostgreSQL's table, '' where the names are those of tables.
    table: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
