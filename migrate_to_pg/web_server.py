"""A SQLite file in, a connection to it out as the web server has one: foreign keys on, the project's functions there.

Generated columns, indexes and triggers may call those functions; without them SQLite can neither write nor check.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from migrate_to_pg.endpoints import SourceChoice

_SQLITE = "django.db.backends.sqlite3"


@contextmanager
def as_web_server(choice: SourceChoice, path: Path) -> Iterator[sqlite3.Connection]:
    """SQLite's own connection, opened with the project's settings; texts that are no UTF-8 survive it."""
    with django_connection(choice, path) as connection:
        database: sqlite3.Connection = connection.connection
        database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        yield database


@contextmanager
def django_connection(choice: SourceChoice, path: Path) -> Iterator[BaseDatabaseWrapper]:
    """Django's wrapper around it."""
    entry = sqlite_entry(choice, path)
    connection = ConnectionHandler({"default": dict(entry), choice.alias: entry})[choice.alias]
    with contextlib.closing(connection):
        # Projects register their own functions when connection_created is sent.
        connection.ensure_connection()
        yield connection


def sqlite_entry(choice: SourceChoice, path: Path) -> dict[str, Any]:
    """A file as an entry of DATABASES, with the project's own settings where it has some for SQLite."""
    entry = settings.DATABASES.get(choice.alias, {})
    if "sqlite3" not in entry.get("ENGINE", "") and "spatialite" not in entry.get("ENGINE", ""):
        entry = {"ENGINE": _SQLITE}
    return {"ENGINE": entry["ENGINE"], "OPTIONS": _options(entry.get("OPTIONS", {})), "NAME": str(path)}


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The project's, but for a change of the journal mode, which stays in the file: nobody asked for that."""
    commands = str(options.get("init_command", "")).split(";")
    kept = ";".join(command for command in commands if "journal_mode" not in command.lower())
    return (
        {**options, "init_command": kept} if kept.strip() else {k: v for k, v in options.items() if k != "init_command"}
    )
