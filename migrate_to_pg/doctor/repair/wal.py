"""Switch a database's journal to WAL, or write its -wal back.

Both open the database as the application would, which also recovers the writes of a killed program.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from migrate_to_pg.doctor.repair.lock import LOCK_TIMEOUT_SECONDS, describe_open_processes
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records.diagnosis import NotRepaired, Repaired
from migrate_to_pg.rules.file import integrity_check
from migrate_to_pg.sqlite.connection import journal_mode

Outcome = Repaired | NotRepaired


def switch_to_wal(path: Path) -> Outcome:
    """Make the -wal the permanent journal: the file keeps the mode, whoever opens it."""
    try:
        with closing(_opened(path)) as database:
            if any(integrity_check.findings(database, integrity_check.PAGES)):
                return NotRepaired(rule="wal", reason=_("the file is damaged, and nothing is written to it"))
            (mode,) = database.execute("PRAGMA journal_mode = WAL").fetchone()
    except sqlite3.Error as error:
        return NotRepaired(rule="wal", reason=f"{error}. {describe_open_processes(path)}")
    # Read from the file itself, now that this process has closed it.
    if mode != "wal" or journal_mode(path) != "wal":
        return NotRepaired(rule="wal", reason=_("SQLite keeps to the journal mode {mode}", mode=mode))
    return Repaired(rule="wal", table="", what=_("the journal mode is WAL"))


def checkpoint(path: Path) -> Outcome:
    """Write the -wal back into the database, and empty it. An unfinished write is rolled back first."""
    before = {suffix: _size(path, suffix) for suffix in ("-wal", "-journal")}
    try:
        with closing(_opened(path)) as database:
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
            busy, __, __ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        return NotRepaired(rule="checkpoint", reason=f"{error}. {describe_open_processes(path)}")
    left = _size(path, "-wal")
    if busy or left:
        reason = _(
            "{left:,} bytes are left in the -wal, because somebody reads from it. {holders}",
            left=left,
            holders=describe_open_processes(path),
        )
        return NotRepaired(rule="checkpoint", reason=reason)
    return Repaired(rule="checkpoint", table="", what=_describe_result(before))


def _describe_result(before: dict[str, int]) -> str:
    done = [_("{before:,} bytes of the -wal are in the database now", before=before["-wal"])] if before["-wal"] else []
    done += [_("the write that was never finished was rolled back")] if before["-journal"] else []
    return "; ".join(done) or _("there was nothing in the -wal")


def _opened(path: Path) -> sqlite3.Connection:
    uri = f"file:{quote(os.fsencode(path))}?mode=rw"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=LOCK_TIMEOUT_SECONDS)


def _size(path: Path, suffix: str) -> int:
    beside = Path(f"{path}{suffix}")
    return beside.stat().st_size if beside.exists() else 0
