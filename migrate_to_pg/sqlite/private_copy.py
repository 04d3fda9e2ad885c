"""Read a database in WAL mode whose directory cannot be written to, through a private copy of its files.

Even to read such a database SQLite creates a -shm beside it. Where it cannot, as on a read-only mount, the bytes of the
database and its -wal are copied, and SQLite reads the copy. No lock then shows whether somebody writes meanwhile, so
the state of the files is compared before and after.
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

#: Mask of the primary result code in an extended one.
PRIMARY_CODE = 0xFF
#: Filesystems count time in ticks. A change after this time gets a new timestamp.
_TIMESTAMP_TICK_SECONDS = 0.05
#: Time to wait for a moment in which nobody writes.
_WRITER_TIMEOUT_SECONDS = 10.0


def needs_private_copy(path: Path, error: sqlite3.Error) -> bool:
    """Report whether SQLite could not read the database because it cannot make a -shm."""
    wanting = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
    return error.sqlite_errorcode & PRIMARY_CODE in wanting and read_header(path).is_wal


def file_stamp(path: Path) -> tuple[object, ...]:
    """Return size, inode and times of the database and its -wal, to detect writes.

    Nobody can reset the change time of the inode (ctime), unlike that of the content. SQLite itself changes it on the
    -wal whenever root opens the database, and creates an empty -wal.
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
def open_private_copy(path: Path, place: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy, made at ``place`` for as long as this lasts, of the database at one moment.

    Raise SourceError where somebody writes to it all the time.
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
    deadline = time.monotonic() + _WRITER_TIMEOUT_SECONDS
    while True:
        before = file_stamp(path)
        # A second change within one tick would not show.
        time.sleep(_TIMESTAMP_TICK_SECONDS)
        _copy(path, place)
        if file_stamp(path) == before:
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
        # The second file_stamp shows a -wal that is created only now.
        copy.touch(mode=0o600)
        shutil.copyfile(wal, copy)


def _remove(place: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{place}{suffix}").unlink(missing_ok=True)
