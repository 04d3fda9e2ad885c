"""Warn in ``manage.py check`` of SQLite in production, which stops under concurrent writers.

Where the database itself may be queried (``check --database default``), warn of a move to it that was not published.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DEFAULT_DB_ALIAS, Error, connections

_MEMORY = (":memory:", "mode=memory")


@register("migrate_to_pg")
def sqlite_in_production(**_: object) -> list[CheckMessage]:
    """Warn by W001 of a database without WAL, by W002 of one without a timeout, unless DEBUG is on."""
    if settings.DEBUG:
        return []
    return [message for alias, entry in settings.DATABASES.items() for message in _warnings(alias, entry)]


def _warnings(alias: str, entry: Mapping[str, Any]) -> Iterator[CheckMessage]:
    name, options = str(entry.get("NAME") or ""), entry.get("OPTIONS") or {}
    if "sqlite3" not in entry.get("ENGINE", "") or not name or any(words in name for words in _MEMORY):
        return
    if not _is_wal(Path(name), str(options.get("init_command", ""))):
        yield Warning(
            f"The SQLite database {alias!r} is used in production without WAL: every writer keeps all readers out.",
            hint='Set "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL;"}, or move to PostgreSQL.',
            id="migrate_to_pg.W001",
        )
    if "timeout" not in options:
        yield Warning(
            f"The SQLite database {alias!r} is used in production without a timeout: a writer that waits for another"
            " gives up after 5 seconds with `database is locked`.",
            hint='Set "OPTIONS": {"timeout": 20}, or move to PostgreSQL.',
            id="migrate_to_pg.W002",
        )


def _is_wal(path: Path, init_command: str) -> bool:
    """Report whether connections choose WAL, or the file keeps it. Unknown counts as WAL: no warning is false."""
    from migrate_to_pg.sqlite.connection import journal_mode
    from migrate_to_pg.sqlite.open_processes import is_open_here

    if "journal_mode" in init_command.lower():
        return "wal" in init_command.lower()
    # To close a file, however it was opened, drops every lock that this process holds on it
    # (https://www.sqlite.org/howtocorrupt.html, 2.2): a database in use here is left alone.
    if not path.is_file() or is_open_here(path):
        return True
    try:
        return journal_mode(path) == "wal"
    except OSError:
        return True


@register(Tags.database)
def left_unpublished(databases: Collection[str] | None = None, **_: object) -> list[CheckMessage]:
    """Warn by W003 of the incoming schema of a move in the default database. Checked only with --database."""
    from migrate_to_pg.records import INCOMING

    if DEFAULT_DB_ALIAS not in (databases or ()) or connections[DEFAULT_DB_ALIAS].vendor != "postgresql":
        return []
    try:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [INCOMING])
            found = cursor.fetchone()
    except Error:
        # A server that cannot be asked is no finding of this check's.
        return []
    if not found:
        return []
    return [
        Warning(
            f"The default database holds the schema {INCOMING}: a move to it was interrupted, or rehearsed with --keep,"
            " and what it holds was never published.",
            hint="If no migrate_to_pg is running now, run it again, which cleans up first, or drop the schema.",
            id="migrate_to_pg.W003",
        )
    ]
