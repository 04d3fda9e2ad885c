"""Connect to a SQLite file as the web server does: foreign keys on, the project's functions registered.

Generated columns, indexes and triggers may call those functions. Without them SQLite can neither write nor check.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3._functions import register  # type: ignore[import-untyped]
from django.db.utils import ConnectionHandler

from migrate_to_pg.project.source_database import SourceChoice
from migrate_to_pg.sqlite.missing_functions import Registration

_SQLITE = "django.db.backends.sqlite3"


@contextmanager
def connect_like_django(choice: SourceChoice, path: Path) -> Iterator[sqlite3.Connection]:
    """Open a connection of the sqlite3 module with the project's settings. Text that is not UTF-8 survives it."""
    with django_connection(choice, path) as connection:
        database: sqlite3.Connection = connection.connection
        database.text_factory = any_text
        yield database


def any_text(raw: bytes) -> str:
    """Return a text of SQLite's, even one that is not UTF-8."""
    return raw.decode("utf-8", "surrogateescape")


@contextmanager
def django_connection(choice: SourceChoice, path: Path, **options: Any) -> Iterator[BaseDatabaseWrapper]:
    """Open Django's connection wrapper."""
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
    """A connection that remembers what is registered with it."""

    def __init__(self, *values: Any, **named: Any) -> None:
        super().__init__(*values, **named)
        self.registered: list[Registration] = []


def _recorded(method: str) -> Callable[..., None]:
    def record(self: _Recorder, *values: Any, **named: Any) -> None:
        getattr(sqlite3.Connection, method)(self, *values, **named)
        self.registered.append((method, values, named))

    return record


#: The methods that register what SQLite lacks.
for _method in (
    "create_collation", "create_function", "create_aggregate", "create_window_function", "enable_load_extension",
    "load_extension",
):  # fmt: skip
    if hasattr(sqlite3.Connection, _method):
        setattr(_Recorder, _method, _recorded(_method))


def registrations(choice: SourceChoice) -> list[Registration]:
    """Return what Django and the project's receivers register with a connection, up to their first error.

    An empty database in memory is used: a receiver may also want to change how the file is kept.
    """
    found: list[_Recorder] = []

    def connect(*values: Any, **named: Any) -> _Recorder:
        found.append(_Recorder(*values, **named))
        return found[-1]

    # A receiver may fail with an empty database. Its failures with the web server's database are not ours.
    with contextlib.suppress(Exception), django_connection(choice, Path(":memory:"), factory=connect):
        pass
    for connection in found:
        # Django keeps a database in memory open.
        connection.close()
    return [registration for connection in found for registration in connection.registered]


def names_of_the_project(choice: SourceChoice) -> frozenset[str]:
    """Return the names, in lower case, of the collations and functions that the project adds to Django's."""
    own = _Recorder(":memory:")
    register(own)
    own.close()
    methods = ("create_collation", "create_function", "create_aggregate", "create_window_function")

    def names(found: list[Registration]) -> set[str]:
        return {str([*values, *named.values()][0]).lower() for method, values, named in found if method in methods}

    return frozenset(names(registrations(choice)) - names(own.registered))


def sqlite_entry(choice: SourceChoice, path: Path) -> dict[str, Any]:
    """Return a file as an entry of DATABASES, with the project's own settings where it has some for SQLite."""
    entry = settings.DATABASES.get(choice.alias, {})
    if "sqlite3" not in entry.get("ENGINE", "") and "spatialite" not in entry.get("ENGINE", ""):
        entry = {"ENGINE": _SQLITE}
    options = entry.get("OPTIONS", {})
    # A change of the journal mode would stay in the file.
    commands = str(options.get("init_command", "")).split(";")
    kept = ";".join(command for command in commands if "journal_mode" not in command.lower())
    options = {name: value for name, value in options.items() if name != "init_command"}
    return {
        "ENGINE": entry["ENGINE"],
        "OPTIONS": options | ({"init_command": kept} if kept.strip() else {}),
        "NAME": str(path),
    }
