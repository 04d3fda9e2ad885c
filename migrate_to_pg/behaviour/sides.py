"""Connect Django to both sides: the SQLite snapshot and its copy on PostgreSQL, neither of which can be written to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from migrate_to_pg.behaviour.english import speak_english
from migrate_to_pg.sqlite.connection import live_uri

#: The aliases that a queryset's using() takes within ``open_sides``.
SQLITE = "migrate_to_pg_sqlite"
POSTGRESQL = "migrate_to_pg_copy"
_TIMEOUT = "-c statement_timeout=20s -c default_transaction_read_only=on"


class Copied(Protocol):
    """The parts of what ``trial.open_copy.open_copy`` gives that are used here."""

    @property
    def source(self) -> Path:
        """The SQLite snapshot that the copy equals."""

    @property
    def url(self) -> str:
        """The copy's address, with its password."""

    @property
    def entry(self) -> dict[str, Any]:
        """The copy as an entry of DATABASES."""

    @property
    def alias(self) -> str:
        """The project's alias of the database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Django's connections to both databases."""

    sqlite: BaseDatabaseWrapper
    postgresql: BaseDatabaseWrapper
    #: The project's own alias of the database.
    alias: str


@contextmanager
def open_sides(copy: Copied) -> Iterator[Sides]:
    """Open both databases, for reading alone, under aliases of their own.

    Within the block the project's own alias is the snapshot too: Django asks it for content types.
    """
    options: Mapping[str, Any] = copy.entry.get("OPTIONS", {})
    given = f"{options.get('options', '')} {_TIMEOUT}".strip()
    entries = {
        SQLITE: {"ENGINE": "django.db.backends.sqlite3", "NAME": live_uri(copy.source)},
        POSTGRESQL: {**copy.entry, "OPTIONS": {**options, "options": given}},
    }
    handler = ConnectionHandler({**entries, "default": entries[SQLITE]})
    speak_english(handler[POSTGRESQL])
    sides = Sides(sqlite=handler[SQLITE], postgresql=handler[POSTGRESQL], alias=copy.alias)
    own = connections[copy.alias]
    for name in entries:
        connections[name] = handler[name]
    connections[copy.alias] = handler[SQLITE]
    try:
        yield sides
    finally:
        connections[copy.alias] = own
        for name in entries:
            handler[name].close()
            del connections[name]
