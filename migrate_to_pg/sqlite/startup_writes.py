"""Detect writes of the project to its databases while it starts.

Some projects write a row on every start. It is in the snapshot like any other row. But a reader of the report should
know that the command's own start wrote to the source, and that the same will happen on PostgreSQL. So the state of the
files is recorded before any AppConfig.ready() runs.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from django.conf import settings

#: File change counter and in-header size in SQLite's file format, bytes 24 to 31.
_COUNTERS = slice(24, 32)

_before: dict[Path, tuple[Any, ...]] = {}


def record_state() -> None:
    """Record the state of every SQLite database of the settings."""
    for entry in settings.DATABASES.values():
        if str(entry.get("ENGINE", "")).endswith("sqlite3") and entry.get("NAME"):
            # A relative name has no meaning where the working directory was deleted.
            with contextlib.suppress(FileNotFoundError):
                path = Path(entry["NAME"]).absolute()
                _before[path] = _state(path)


def changed_since(path: Path) -> bool:
    """Report whether the database was written to since. False where it was not recorded or did not exist."""
    before = _before.get(path.absolute())
    return bool(before) and before != _state(path.absolute())


def _state(path: Path) -> tuple[Any, ...]:
    """Read the counters, and the size of the -wal, which a database in WAL mode writes to first."""
    try:
        # Opening a pipe would block for ever.
        if not path.is_file():
            return ()
        with path.open("rb") as file:
            counters = file.read(_COUNTERS.stop)[_COUNTERS]
    except OSError:
        return ()
    wal = path.with_name(path.name + "-wal")
    try:
        return counters, wal.stat().st_size
    except OSError:
        return counters, 0
