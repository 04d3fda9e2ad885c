"""A database in WAL mode in a folder where nothing can be made in; a connection to a private copy of its files out.

Even to read such a database SQLite makes a -shm beside it. Where it cannot, as in a mount that is read-only, its bytes
and those of its -wal are copied, and SQLite reads the copy. No lock tells then whether somebody writes meanwhile: the
files are looked at before and after.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from migrate_to_pg.errors import SourceError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.sqlite.file_format import read_header

#: The part of SQLite's result code that tells what went wrong; the rest of it tells where.
_KIND = 0xFF
#: Seconds after which a change gives a file another time than it has: filesystems count in ticks.
_TICK = 0.05
#: Seconds to wait for a moment in which nobody writes.
_PATIENCE = 10.0


def is_needed(path: Path, error: sqlite3.Error) -> bool:
    """Whether SQLite could not read the database for want of a -shm."""
    wanting = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
    return error.sqlite_errorcode & _KIND in wanting and read_header(path).is_wal


def needs_private_copy(path: Path) -> tuple[object, ...]:
    """What the system says of the files.

    Nobody can set back the time of the last change to the file's entry (ctime), as that of its content can be. SQLite
    itself changes it of the -wal, whenever root opens the database, and makes an empty one.
    """
    database, wal = _status(path), _status(Path(f"{path}-wal"))
    return (
        database and (database.st_ino, database.st_size, database.st_mtime_ns, database.st_ctime_ns),
        (wal.st_ino, wal.st_size, wal.st_mtime_ns) if wal and wal.st_size else None,
    )


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


@contextlib.contextmanager
def opened(path: Path, place: Path) -> Iterator[sqlite3.Connection]:
    """The database as it was at one moment; ``place`` is where the copy is, for as long as this lasts.

    Raises SourceError where somebody writes to it all the time.
    """
    _remove(place)
    try:
        place.touch(mode=0o600)
        _copy_unwritten(path, place)
        uri = f"file:{quote(os.fsencode(place.absolute()))}"
        with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            yield connection
    finally:
        _remove(place)


def _copy_unwritten(path: Path, place: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        before = needs_private_copy(path)
        # A change in the tick of the last one would not show.
        time.sleep(_TICK)
        _copy(path, place)
        if needs_private_copy(path) == before:
            return
        if time.monotonic() > deadline:
            raise SourceError(
                _(
                    "{path} is written to all the time: its files cannot be copied as they are at one moment.",
                    path=path,
                ),
                remedy=_(
                    "Stop the application that uses it, or make its folder writable, so that SQLite can read it where"
                    " it is."
                ),
            )


def _copy(path: Path, place: Path) -> None:
    shutil.copyfile(path, place)
    wal, copy = Path(f"{path}-wal"), Path(f"{place}-wal")
    copy.unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        # A -wal that is made only now shows in the look afterwards.
        copy.touch(mode=0o600)
        shutil.copyfile(wal, copy)


def _remove(place: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{place}{suffix}").unlink(missing_ok=True)
