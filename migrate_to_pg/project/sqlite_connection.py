"""A SQLite file in, a connection to it out as the web server has one: foreign keys on, the project's functions there.

Generated columns, indexes and triggers may call those functions; without them SQLite can neither write nor check.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3._functions import register  # type: ignore[import-untyped]
from django.db.utils import ConnectionHandler

from migrate_to_pg.project.databases import SourceChoice
from migrate_to_pg.sqlite.missing_functions import Registration

_SQLITE = "django.db.backends.sqlite3"


@contextmanager
def connect_like_django(choice: SourceChoice, path: Path) -> Iterator[sqlite3.Connection]:
    """SQLite's own connection, opened with the project's settings; texts that are no UTF-8 survive it."""
    with django_connection(choice, path) as connection:
        database: sqlite3.Connection = connection.connection
        database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        yield database


@contextmanager
def django_connection(choice: SourceChoice, path: Path, **options: Any) -> Iterator[BaseDatabaseWrapper]:
    """Django's wrapper around it."""
    entry = sqlite_entry(choice, path)
    entry["OPTIONS"] |= options
    connection = ConnectionHandler({"default": dict(entry), choice.alias: entry})[choice.alias]
    with contextlib.closing(connection):
        try:
            # Projects register their own functions when connection_created is sent.
            connection.ensure_connection()
            yield connection
        finally:
            # Django itself does not close a database in memory.
            if connection.connection is not None:
                connection.connection.close()


class _Recorder(sqlite3.Connection):
    """Remembers what is registered with it."""

    def __init__(self, *values: Any, **named: Any) -> None:
        super().__init__(*values, **named)
        self.registered: list[Registration] = []


def _recorded(method: str) -> Callable[..., None]:
    def record(self: _Recorder, *values: Any, **named: Any) -> None:
        getattr(sqlite3.Connection, method)(self, *values, **named)
        self.registered.append((method, values, named))

    return record


#: The methods by which a connection is given what SQLite lacks.
for _method in (
    "create_collation", "create_function", "create_aggregate", "create_window_function", "enable_load_extension",
    "load_extension",
):  # fmt: skip
    if hasattr(sqlite3.Connection, _method):
        setattr(_Recorder, _method, _recorded(_method))


def registrations(choice: SourceChoice) -> list[Registration]:
    """What Django, its backend and the project's receivers register with a connection, as far as they come.

    Asked of an empty database in memory: a receiver may also want to change how the file is kept.
    """
    found: list[_Recorder] = []

    def connect(*values: Any, **named: Any) -> _Recorder:
        found.append(_Recorder(*values, **named))
        return found[-1]

    # What a receiver cannot do with an empty database, it did not do; the web server's own failures are not ours.
    with contextlib.suppress(Exception), django_connection(choice, Path(":memory:"), factory=connect):
        pass
    for connection in found:
        # Django keeps a database in memory open.
        connection.close()
    return [registration for connection in found for registration in connection.registered]


def names_of_the_project(choice: SourceChoice) -> frozenset[str]:
    """The collations and functions, in lower case, that the project gives SQLite besides Django's own."""
    own = _Recorder(":memory:")
    register(own)
    own.close()
    methods = ("create_collation", "create_function", "create_aggregate", "create_window_function")

    def names(found: list[Registration]) -> set[str]:
        return {str([*values, *named.values()][0]).lower() for method, values, named in found if method in methods}

    return frozenset(names(registrations(choice)) - names(own.registered))


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
