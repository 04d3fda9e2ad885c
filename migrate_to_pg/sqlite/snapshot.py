"""The source's path in, a consistent private copy of it out; and, later, whether the source has moved on since.

The source is only ever opened ``mode=ro``. ``immutable`` would miss rows that are still in its -wal; opening it for
writing would change its bytes. One connection stays open from snapshot to publish: SQLite's ``data_version`` tells it
of every commit by anybody else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from migrate_to_pg.errors import SourceChangedError, SourceError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize, size
from migrate_to_pg.records import Snapshot
from migrate_to_pg.sqlite import private_copy
from migrate_to_pg.sqlite.connection import quote_name, snapshot_uri
from migrate_to_pg.sqlite.file_format import foreign_format, pages_in_wal, read_header, unread_wal
from migrate_to_pg.sqlite.replaced_file import describe_replacement, file_id
from migrate_to_pg.system import subprocesses
from migrate_to_pg.system.threads import run_all

_HEADER = b"SQLite format 3\0"
#: Seconds to wait for a writer of the source, as Django's own settings for SQLite commonly do.
_BUSY_TIMEOUT = 20.0
#: Seconds in which whoever waits for a lock has looked for it again: SQLite does ten times a second.
_TURN = 0.3
#: The part of SQLite's result code that tells what went wrong; the rest of it tells where.
_KIND = 0xFF


class Source:
    """The live SQLite database, open read-only; a context manager."""

    def __init__(self, path: Path, *, wait: float = _BUSY_TIMEOUT) -> None:
        self.path = path
        self._lock: sqlite3.Connection | None = None
        require_database(path)
        if told := foreign_format(path):
            raise SourceError(
                told,
                detail=[_("SQLite would write its pages over those of the database, for good.")],
                remedy=_(
                    "Copy all of these files to a safe place before anything opens the database; then put a whole"
                    " backup in its place, or move the file that does not belong to it away."
                ),
            )
        # Read before anything holds a lock on the file, which closing it would drop.
        self._header = read_header(path)
        self._file = file_id(path)
        #: The files as they were when the copy was made, or last found to hold the same.
        self._looks: tuple[object, ...] = ()
        #: The SHA-256 of the copy, and where it was put.
        self._copy, self._place = "", path
        #: What SQLite does not read of the files, in sentences, once they were copied.
        self.unread: tuple[str, ...] = ()
        #: None where SQLite cannot read it in its folder, but in a private copy alone.
        self._connection: sqlite3.Connection | None = None
        try:
            self._connection = _connect(path, "ro", wait)
            self._version = self._data_version()
        except sqlite3.Error as error:
            self._close()
            if not private_copy.is_needed(path, error):
                raise self._unreadable(error) from error
            self._version = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The writer goes first: as the last connection it would checkpoint the -wal into the file.
        if self._lock is not None:
            self._lock.close()
        self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def size(self) -> int:
        """Bytes of the database, those in its -wal included."""
        wal = self.path.with_name(self.path.name + "-wal")
        return self.path.stat().st_size + (wal.stat().st_size if wal.exists() else 0)

    def lock(self) -> None:
        """Hold SQLite's write lock until this source is closed: writers wait or fail instead of being lost."""
        try:
            self._lock = _connect(self.path, "rw")
            self._lock.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise SourceError(
                _(
                    "The write lock of {path} could not be taken within {busy_timeout:.0f} s.",
                    path=self.path,
                    busy_timeout=_BUSY_TIMEOUT,
                ),
                detail=[str(error)],
                remedy=_("Stop whatever is writing to it, or run without --lock-source."),
            ) from error

    def release_lock(self) -> None:
        """Give the lock back, and wait until whoever waited for it had a turn."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
            time.sleep(_TURN)

    def copy(self, destination: Path) -> Snapshot:
        """Copy the whole database, as it is at one moment, into a new file that only its owner can read.

        All pages go in one step: SQLite's online backup starts again whenever somebody writes between two steps, and
        against a busy application would never end.
        """
        if became := self.fate():
            raise SourceError(became, remedy=_("Run again when the complete database is at its place."))
        require_space(destination.parent, self.size)
        self._place = destination
        try:
            with self._reading() as connection:
                self._copy_all(connection, destination)
        except sqlite3.Error as error:
            destination.unlink(missing_ok=True)
            if error.sqlite_errorcode & _KIND == sqlite3.SQLITE_FULL:
                # Only the copy is written to.
                raise _disk_full(destination.parent) from error
            raise self._unreadable(error) from error
        copy, original = _sync_and_hash(destination, self.path)
        self._copy = copy
        return Snapshot(
            source=self.path,
            path=destination,
            size=destination.stat().st_size,
            sha256=copy,
            source_sha256=original,
        )

    def _copy_all(self, connection: sqlite3.Connection, destination: Path) -> None:
        """Within one read transaction, so that the version is exactly that of what is copied."""
        connection.execute("BEGIN")
        try:
            connection.execute("SELECT count(*) FROM sqlite_master")
            self._version = self._data_version()
            self._looks = private_copy.needs_private_copy(self.path)
            self._check_complete(connection)
            _copy(connection, destination)
        finally:
            # Else the lock of a reader would stay with the connection.
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """The connection that stays open, or one to a private copy of this moment."""
        if self._connection is not None:
            yield self._connection
        else:
            with self._fresh() as connection:
                yield connection

    @contextlib.contextmanager
    def _fresh(self) -> Iterator[sqlite3.Connection]:
        """Another connection: the one that stays open goes on with the pages that it has read."""
        if self._connection is not None:
            with contextlib.closing(_connect(self.path, "ro")) as connection:
                yield connection
        else:
            # Named like the snapshot, so that it is removed with that of a run that is killed.
            require_space(self._place.parent, self.size)
            with private_copy.opened(self.path, self._place.with_name(f"{self._place.name}.private")) as connection:
                yield connection

    def _unreadable(self, error: sqlite3.Error) -> SourceError:
        """What stopped SQLite; a file that ends too early is told as such."""
        with contextlib.suppress(OSError):
            size, header = self.path.stat().st_size, self._header
            corrupt = error.sqlite_errorcode & _KIND == sqlite3.SQLITE_CORRUPT
            if corrupt and size < header.page_size * header.pages:
                return cut_short(self.path, size, header.page_size, header.pages)
        return _unreadable(self.path, error)

    def _check_complete(self, connection: sqlite3.Connection) -> None:
        """Raise SourceError where the end of the file is missing, which SQLite reads as zeros.

        Asked while nobody can write to the file but from the -wal, whose pages need not be in it yet.
        """
        [(page_size,)] = connection.execute("PRAGMA page_size")
        [(pages,)] = connection.execute("PRAGMA page_count")
        size, in_wal = self.path.stat().st_size, pages_in_wal(self.path)
        if any(page not in in_wal for page in range(size // page_size + 1, pages + 1)):
            raise cut_short(self.path, size, page_size, pages)
        beyond = size - pages * page_size
        self.unread = tuple(
            filter(
                None,
                [
                    unread_wal(self.path),
                    _(
                        "{path} has {beyond:,} bytes behind its last page: SQLite does not read them.",
                        path=self.path,
                        beyond=beyond,
                    )
                    if beyond > 0 and not in_wal
                    else "",
                ],
            )
        )

    def has_changed(self) -> bool:
        """Whether anybody committed to the source, or put another file in its place, since the copy was made."""
        return bool(self.fate()) or self._data_version() != self._version or self._holds_something_else()

    def _holds_something_else(self) -> bool:
        """Whether its pages are others than those of the copy, whatever wrote them: SQLite looks at a counter alone.

        Compared only where the system says that somebody wrote to the files, as a checkpoint does.
        """
        now = private_copy.needs_private_copy(self.path)
        if not self._copy or now == self._looks:
            return False
        # Named like the copy, so that it is removed with that of a run that is killed.
        again = self._place.with_name(f"{self._place.name}.again")
        require_space(again.parent, self.size)
        try:
            with self._fresh() as connection:
                _copy(connection, again)
            differs = file_sha256(again) != self._copy
        except sqlite3.Error as error:
            raise self._unreadable(error) from error
        finally:
            again.unlink(missing_ok=True)
        if not differs:
            self._looks = now
        return differs

    def fate(self) -> str:
        """What became of the file by other hands than SQLite's since the copy was made, a sentence; '' if nothing."""
        return describe_replacement(self.path, self._file) or self._illness()

    def _illness(self) -> str:
        """Why it cannot be opened as a database any more: an open connection goes on with the pages that it has."""
        if self._connection is None:
            return ""
        try:
            with self._fresh() as connection:
                connection.execute("SELECT count(*) FROM sqlite_master")
            self._data_version()
        except sqlite3.OperationalError:
            # Somebody holds it: that is no damage.
            return ""
        except sqlite3.DatabaseError as error:
            return _("SQLite cannot read {path} any more: {error}.", path=self.path, error=error)
        return ""

    def require_unchanged(self, snapshot: Snapshot) -> None:
        """Raise SourceChangedError, saying how much changed, where publishing would lose rows."""
        if not self.has_changed():
            return
        if became := self.fate():
            raise SourceChangedError(
                _("{became} Nothing was published.", became=became),
                remedy=_(
                    "The complete snapshot is kept: put the database back from it, or name it with --source; or run"
                    " again with --source as the database is now."
                ),
            )
        raise SourceChangedError(
            _("{path} was written to after the snapshot: publishing now would lose those changes.", path=self.path),
            detail=self.changes(snapshot),
            remedy=_(
                "Stop the application and run again, or run with --lock-source so that writers wait;"
                " --accept-stale publishes the snapshot all the same."
            ),
        )

    def changes(self, snapshot: Snapshot) -> tuple[str, ...]:
        """'table: n rows added or changed, m gone', for every table that is not as it was in the snapshot."""
        became = describe_replacement(self.path, self._file)
        if became:
            return (became,)
        try:
            with self._fresh() as connection:
                return tuple(_changes(connection, snapshot.path))
        except sqlite3.Error as error:
            return (_("How much changed could not be told: {error}.", error=error),)

    def _data_version(self) -> int:
        """SQLite's count of commits by others; 0 where nobody tells."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0]) if self._connection else 0


def require_as_it_was(snapshot: Snapshot) -> None:
    """Raise SourceError where the copy is not, byte for byte, what it was when it was made."""
    if not snapshot.path.is_file() or file_sha256(snapshot.path) != snapshot.sha256:
        raise SourceError(
            _(
                "The snapshot {path} was changed after it was made: nothing that was read of it counts.",
                path=snapshot.path,
            ),
            remedy=_("Nothing was published. Look for what writes to that directory, and at its disk; then run again."),
        )


def _sync_and_hash(copy: Path, original: Path) -> tuple[str, str]:
    """Wait until the disk has the copy; the SHA-256 of both files meanwhile."""
    found: dict[str, str] = {}
    run_all(
        "snapshot",
        [
            lambda: _sync(copy),
            lambda: found.update(copy=file_sha256(copy)),
            lambda: found.update(original=_sha256_elsewhere(original)),
        ],
        stop=lambda: None,
    )
    return found["copy"], found["original"]


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256_elsewhere(path: Path) -> str:
    """The same, read by another process; '' where the file is gone.

    Closing any descriptor of a file drops every POSIX lock that this process has on it, SQLite's own among them: the
    write lock of --lock-source would be gone without a word.
    """
    try:
        return subprocesses.sha256(path)
    except OSError as error:
        if not path.exists():
            # Deleted since it was copied: what became of it is told before anything is published.
            return ""
        if isinstance(error, BlockingIOError):
            raise SourceError(
                _("{path} is hashed by another process, and the system starts no more for this user.", path=path),
                remedy=_("Raise the limit (ulimit -u, or the one of the container's processes), then run again."),
            ) from error
        raise SourceError(
            _("{path} cannot be read: {error}.", path=path, error=error), remedy=_("Run as a user who may read it.")
        ) from error


def require_space(directory: Path, copied: int) -> None:
    """Raise SourceError where the copy cannot fit, with a tenth to spare."""
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


def _disk_full(directory: Path) -> SourceError:
    return SourceError(
        _("The disk of {directory} became full while the snapshot was written to it.", directory=directory),
        remedy=_("Make room there, or name a directory on a larger disk: --report DIR."),
    )


def require_database(path: Path) -> None:
    """Raise SourceError where there is no readable SQLite 3 database at that path."""
    if not path.is_file():
        # A pipe would be waited for without end.
        there = _("{path} is no file, so it is no SQLite database.", path=path) if path.exists() else ""
        raise SourceError(
            there or _("There is no SQLite database at {path}.", path=path),
            remedy=_("Name it: --source PATH, or MIGRATE_TO_PG['SOURCE']."),
        )
    try:
        with path.open("rb") as file:
            start = file.read(len(_HEADER))
    except OSError as error:
        raise SourceError(
            _("{path} cannot be read: {strerror}.", path=path, strerror=error.strerror),
            remedy=_("Run as a user who may read it."),
        ) from error
    if start != _HEADER:
        what = _("is empty") if not start else _("is not an SQLite 3 database")
        raise SourceError(f"{path} {what}.", remedy=_("Name the database that the application uses: --source PATH."))


def _connect(path: Path, mode: str, wait: float = _BUSY_TIMEOUT) -> sqlite3.Connection:
    uri = f"file:{quote(os.fsencode(path.absolute()))}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=wait)


def _copy(source: sqlite3.Connection, destination: Path) -> None:
    # Made private before there is anything in it to read; fails where the file exists.
    os.close(os.open(destination, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with contextlib.closing(sqlite3.connect(destination)) as target:
        # Half a copy is worth nothing: no journal for it, and one wait for the disk, at the end.
        target.execute("PRAGMA journal_mode = OFF")
        target.execute("PRAGMA synchronous = OFF")
        source.backup(target, pages=-1)


def cut_short(path: Path, size: int, page_size: int, pages: int) -> SourceError:
    """The error for a file that ends before its last page does."""
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


def _unreadable(path: Path, error: sqlite3.Error) -> SourceError:
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


def _changes(connection: sqlite3.Connection, snapshot: Path) -> Iterator[str]:
    """'table: n rows written, m gone', for every table that is not as it was."""
    connection.execute("ATTACH ? AS snapshot", [snapshot_uri(snapshot)])
    tables = connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall()
    for (name,) in tables:
        yield from _table_changes(connection, name)


def _table_changes(connection: sqlite3.Connection, name: str) -> Iterator[str]:
    quoted = quote_name(name)
    # Only a quoted identifier goes into the text.
    count = "SELECT count(*) FROM (SELECT * FROM {0}.{2} EXCEPT SELECT * FROM {1}.{2})"
    try:
        written = connection.execute(count.format("main", "snapshot", quoted)).fetchone()[0]
        gone = connection.execute(count.format("snapshot", "main", quoted)).fetchone()[0]
    except sqlite3.Error as error:
        yield f"{name}: {error}"
        return
    if written or gone:
        yield _(
            "{name}: {rows} added or changed, {gone:,} gone or as they were before the change",
            name=name,
            rows=pluralize(written, "row", "rows"),
            gone=gone,
        )
