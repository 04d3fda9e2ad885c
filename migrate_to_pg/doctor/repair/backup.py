"""Make a verified copy of a database beside it, and restore it."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from migrate_to_pg.errors import RepairError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.sqlite.compare_contents import difference
from migrate_to_pg.sqlite.connection import open_snapshot, snapshot_uri
from migrate_to_pg.sqlite.snapshot import Source
from migrate_to_pg.system.clock import now

#: Schema name of the backup, attached to the repairing connection.
BACKUP = "migrate_to_pg_backup"
#: How long a reader may delay the restore.
_RESTORE_TIMEOUT_SECONDS = 30.0


def make_backup(source: Source, database: sqlite3.Connection) -> Path:
    """Copy the database while ``database`` holds its write lock, and compare. The copy stays attached as BACKUP.

    The copy gets its permanent name only when it is known to be complete.
    """
    path = _free_name(source.path)
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        source.copy(unfinished)
        unfinished.chmod(source.path.stat().st_mode & 0o600)
        database.execute(f"ATTACH ? AS {BACKUP}", [snapshot_uri(unfinished)])
        _require_same(source.path, difference(database, BACKUP))
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return unfinished.rename(path)


def _require_same(path: Path, differs: str) -> None:
    if differs:
        raise RepairError(
            _("The backup of {path} is not the same as the database: {differs}.", path=path, differs=differs),
            remedy=_("Nothing was changed. Look at the disk that the database is on."),
        )


def _free_name(path: Path) -> Path:
    """Return db.sqlite3.backup-20260131-235959, or -2 where that exists."""
    name = f"{path.name}.backup-{now():%Y%m%d-%H%M%S}"
    candidates = [path.with_name(name), *(path.with_name(f"{name}-{n}") for n in range(2, 1000))]
    return next(candidate for candidate in candidates if not candidate.exists())


def restore(database: sqlite3.Connection, backup: Path) -> None:
    """Copy the backup back, all pages in one SQLite transaction, and compare again."""
    deadline = time.monotonic() + _RESTORE_TIMEOUT_SECONDS

    def on_progress(*_: int) -> None:
        # Python itself would retry for ever.
        if time.monotonic() > deadline:
            raise sqlite3.OperationalError("database is locked")

    with closing(open_snapshot(backup)) as source:
        source.backup(database, pages=-1, progress=on_progress)
    differs = difference(database, BACKUP)
    if differs:
        raise sqlite3.DatabaseError(_("after putting it back, {differs} is not as in the backup", differs=differs))
