"""The names of a model's table and columns on both sides."""

from __future__ import annotations

import enum
from dataclasses import dataclass


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
