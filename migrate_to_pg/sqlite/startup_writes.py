"""What the project itself writes to its databases while it starts: remembered before any AppConfig.ready() runs.

Some projects write a row on every start. It is in the snapshot like any other; but whoever reads the report should know
that the command's own start wrote to the source, and that the same will happen on PostgreSQL. In: the databases of the
settings. Out: whether a file changed between the import of this application and the run.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from django.conf import settings

#: Of SQLite's file format: the file change counter and the in-header size, bytes 24 to 31.
_COUNTERS = slice(24, 32)

_before: dict[Path, tuple[Any, ...]] = {}


def record_state() -> None:
    """Note the state of every SQLite database of the settings."""
    for entry in settings.DATABASES.values():
        if str(entry.get("ENGINE", "")).endswith("sqlite3") and entry.get("NAME"):
            # Where the working directory was deleted there is no relative name.
            with contextlib.suppress(FileNotFoundError):
                path = Path(entry["NAME"]).absolute()
                _before[path] = _state(path)


def changed_since(path: Path) -> bool:
    """Whether the database was written to since; False where it was not remembered, or was not there."""
    before = _before.get(path.absolute())
    return bool(before) and before != _state(path.absolute())


def _state(path: Path) -> tuple[Any, ...]:
    """Its counters, and the size of its -wal, which a database in WAL mode writes to first."""
    try:
        # A pipe would be waited for without end.
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
