"""The settings in, warnings of ``manage.py check`` out: SQLite in production as it stops under concurrent writers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

_MEMORY = (":memory:", "mode=memory")


@register("migrate_to_pg")
def sqlite_in_production(**_: object) -> list[CheckMessage]:
    """W001 without WAL, W002 without a timeout of the settings' own; nothing while DEBUG is on."""
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
    """As each connection chooses, or as the file remembers; unknown counts as WAL, so that no warning is false."""
    from migrate_to_pg.holders import opened_here
    from migrate_to_pg.sqlite import journal_mode

    if "journal_mode" in init_command.lower():
        return "wal" in init_command.lower()
    # To close a file, however it was opened, drops every lock that this process holds on it
    # (https://www.sqlite.org/howtocorrupt.html, 2.2): a database in use here is left alone.
    if not path.is_file() or opened_here(path):
        return True
    try:
        return journal_mode(path) == "wal"
    except OSError:
        return True
