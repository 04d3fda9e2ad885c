"""Open the connection that repairs a database, with SQLite's write lock, or explain why it cannot be had.

While the lock is held, nothing else of this process may open the file and close it again: that would drop every POSIX
lock that the process has on it. Copies are made over a connection that was opened before.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django.db

from migrate_to_pg.doctor.repair.steps import prepare
from migrate_to_pg.errors import RepairError
from migrate_to_pg.i18n import N_, size
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.source_database import SourceChoice
from migrate_to_pg.project.sqlite_connection import connect_like_django
from migrate_to_pg.sqlite.open_processes import open_processes

#: How long to wait for another writer.
LOCK_TIMEOUT_SECONDS = 5.0
#: Space beside the database, in multiples of its size: the backup, new indexes, SQLite's journal.
_SPACE_BESIDE = 3
#: Space for the copies on which the repair is rehearsed, in multiples of the database's size.
_SPACE_FOR_COPIES = 3
_STOP = N_("Stop the application, and run again.")


def require_possible(path: Path, held: int, workplace: Path) -> None:
    """Raise RepairError where the repair could not be made, before anything is tried."""
    for what in (path, path.parent):
        if not os.access(what, os.W_OK):
            raise RepairError(
                _("{what} cannot be written to.", what=what), remedy=_("Run as the user whom the application runs as.")
            )
    for directory, times in ((path.parent, _SPACE_BESIDE), (workplace, _SPACE_FOR_COPIES)):
        free = shutil.disk_usage(directory).free
        if free < held * times:
            raise RepairError(
                _(
                    "The repair may need {size} in {directory}; {free} are free.",
                    size=size(held * times),
                    directory=directory,
                    free=size(free),
                ),
                remedy=_("Make room there."),
            )


@contextmanager
def locked(choice: SourceChoice) -> Iterator[sqlite3.Connection]:
    """Open a connection with the project's functions, in a transaction that holds the write lock.

    Everything that is not committed in the block is rolled back.
    """
    try:
        with connect_like_django(choice, choice.path) as database:
            database.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT_SECONDS * 1000:.0f}")
            _make_atomic(database, choice.path)
            prepare(database)
            begin(database, choice.path)
            yield database
    except django.db.Error as error:
        raise lock_error(choice.path, error) from error


#: (PRAGMA, value to set, allowed values) that make a commit atomic and durable, whatever the application has chosen.
_ATOMIC = (
    # First: in exclusive mode the journal of a -wal database cannot be changed, and nobody else could read.
    ("locking_mode", "NORMAL", ("normal",)),
    # MEMORY and OFF keep no journal on the disk.
    ("journal_mode", "DELETE", ("wal", "delete", "truncate", "persist")),
    ("synchronous", "FULL", (2, 3)),
    ("writable_schema", "OFF", (0,)),
    ("query_only", "OFF", (0,)),
    ("ignore_check_constraints", "OFF", (0,)),
)


def _make_atomic(database: sqlite3.Connection, path: Path) -> None:
    """Reset what the project's own handlers of connection_created set. Raise RepairError where that fails."""
    for name, wanted, allowed in _ATOMIC:
        if _pragma(database, name) not in allowed:
            database.execute(f"PRAGMA main.{name} = {wanted}").fetchall()
        if (found := _pragma(database, name)) not in allowed:
            raise RepairError(
                _(
                    "{path} cannot be repaired safely: the project's own connections have PRAGMA {name} = {found}, and"
                    " SQLite keeps to it.",
                    path=path,
                    name=name,
                    found=found,
                ),
                remedy=_(
                    "Nothing was changed. Look for what sets it (a receiver of connection_created, init_command in the"
                    " settings), leave it out for this command, and run again."
                ),
            )


def _pragma(database: sqlite3.Connection, name: str) -> str | int:
    row = database.execute(f"PRAGMA main.{name}").fetchone()
    return row[0] if row else ""


def begin(database: sqlite3.Connection, path: Path) -> None:
    """Take the write lock. Raise RepairError with the process that holds it."""
    try:
        database.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        raise lock_error(path, error) from error


def commit(database: sqlite3.Connection, path: Path) -> None:
    """Commit. Raise RepairError, with everything rolled back, where a reader blocks it, as with a rollback journal."""
    try:
        database.execute("COMMIT")
    except sqlite3.Error as error:
        raise lock_error(path, error) from error


def lock_error(path: Path, error: Exception) -> RepairError:
    """Return the error with SQLite's message and the processes that have the database open."""
    return RepairError(
        _(
            "{path} cannot be written to within {wait:.0f} s: {error}.",
            path=path,
            wait=LOCK_TIMEOUT_SECONDS,
            error=error,
        ),
        detail=[describe_open_processes(path)],
        remedy=_(_STOP),
    )


def describe_open_processes(path: Path) -> str:
    """Describe the processes that have it open, as far as the system shows them."""
    found, complete = open_processes(path)
    described = [
        _("process {pid} ({program}), which holds the write lock", pid=process.pid, program=process.program)
        if process.writes
        else _("process {pid} ({program})", pid=process.pid, program=process.program)
        for process in found
    ]
    if not complete:
        described.append(_("processes that the system does not show"))
    if not described:
        return _("No other process has it open.")
    return _("It is open in these processes: {described}.", described="; ".join(described))
