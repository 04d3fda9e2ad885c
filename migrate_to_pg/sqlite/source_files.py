"""Look at the source's files without SQLite: whether they are there, complete, replaced, or written to.

SQLite itself does not notice that its open file was deleted or replaced: its descriptor still leads to the old file.

Even to read a database in WAL mode SQLite creates a -shm beside it. Where it cannot, as on a read-only mount, the bytes
of the database and its -wal are copied, and SQLite reads the copy. No lock then shows whether somebody writes
meanwhile, so the state of the files is compared before and after.

Some projects write a row on every start. It is in the snapshot like any other row. But a reader of the report should
know that the command's own start wrote to the source, and that the same will happen on PostgreSQL. So the state of the
files is recorded before any AppConfig.ready() runs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from migrate_to_pg.errors import SourceError
from migrate_to_pg.i18n import N_, size
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.sqlite.file_format import read_header


class FileId(NamedTuple):
    """Device and inode of a file."""

    device: int
    inode: int


def file_id(path: Path) -> FileId:
    """Return the file's identity without opening it: closing it again would drop the locks that SQLite has on it."""
    status = path.stat()
    return FileId(status.st_dev, status.st_ino)


def describe_replacement(path: Path, before: FileId) -> str:
    """Describe what became of the file, or return '' where it is still the same."""
    try:
        now = file_id(path)
    except OSError:
        return _("{path} is no longer there.", path=path)
    if now != before:
        return _("Another file was put in the place of {path}.", path=path)
    return ""


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
        shutil.copyfile(path, place)
        wal, copy = Path(f"{path}-wal"), Path(f"{place}-wal")
        copy.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            # The second file_stamp shows a -wal that is created only now.
            copy.touch(mode=0o600)
            shutil.copyfile(wal, copy)
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


def _remove(place: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{place}{suffix}").unlink(missing_ok=True)


#: File change counter and in-header size in SQLite's file format, bytes 24 to 31.
_COUNTERS = slice(24, 32)

_before: dict[Path, tuple[Any, ...]] = {}


def record_state(databases: Iterable[Mapping[str, Any]]) -> None:
    """Record the state of every SQLite database among these entries of the settings."""
    for entry in databases:
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


#: The first bytes of every database file.
HEADER = b"SQLite format 3\0"


def require_space(directory: Path, copied: int) -> None:
    """Raise SourceError where the copy and a tenth more do not fit."""
    free = shutil.disk_usage(directory).free
    needed = copied + copied // 10
    if free < needed:
        raise SourceError(
            _(
                "The run needs {needed} in {directory}; {free} are free.",
                needed=size(needed),
                directory=directory,
                free=size(free),
            ),
            remedy=_("Make room there, or name a directory on a larger disk: --report DIR."),
        )


def require_database(path: Path, *, named_with: str = N_("--source PATH")) -> None:
    """Raise SourceError where there is no readable SQLite 3 database at that path.

    ``named_with`` is what names a database on the command line, in English.
    """
    if not path.is_file():
        # Opening a pipe would block for ever.
        raise SourceError(
            _("{path} is no file, so it is no SQLite database.", path=path)
            if path.exists()
            else _("There is no SQLite database at {path}.", path=path),
            remedy=_("Name the database: {option}.", option=_(named_with)),
        )
    try:
        with path.open("rb") as file:
            start = file.read(len(HEADER))
    except OSError as error:
        raise SourceError(
            _("{path} cannot be read: {strerror}.", path=path, strerror=error.strerror),
            remedy=_("Run as a user who may read it."),
        ) from error
    if start != HEADER:
        raise SourceError(
            _("{path} is not an SQLite 3 database.", path=path) if start else _("{path} is empty.", path=path),
            remedy=_(
                "Name the database that the application uses: {option}. If it is this one, restore a backup of it.",
                option=_(named_with),
            ),
        )


def truncation_error(path: Path, size: int, page_size: int, pages: int) -> SourceError:
    """Return the error for a file that ends before its last page."""
    return SourceError(
        _(
            "{path} is cut short: it has {size:,} bytes, and its {pages:,} pages of {page_size:,} bytes take"
            " {needed:,}.",
            path=path,
            size=size,
            pages=pages,
            page_size=page_size,
            needed=pages * page_size,
        ),
        remedy=_(
            "The end of the file is missing, as after a copy that was interrupted: copy it once more from where it is"
            " whole, with the -wal beside it where there is one, or restore a backup."
        ),
    )


def read_error(path: Path, error: sqlite3.Error) -> SourceError:
    """Return the error for a file that SQLite cannot read, with what to do about it."""
    if "locked" in str(error):
        remedy = _("Another program holds it: stop that program, or run again when it has finished.")
    elif "unable to open" in str(error):
        remedy = _(
            "A database in WAL mode needs a directory where its -shm file can be made: copy the database with its -wal"
            " to a writable directory and name the copy with --source."
        )
    else:
        remedy = _(
            "If a program that used it was killed, open it once with the application or the sqlite3 shell so that"
            " SQLite can recover it; if it is damaged, restore a backup."
        )
    return SourceError(_("SQLite cannot read {path}: {error}.", path=path, error=error), remedy=remedy)
