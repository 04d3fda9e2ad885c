"""Copy the source to a consistent private snapshot, and detect later whether the source has changed.

The source is only ever opened ``mode=ro``. ``immutable`` would miss rows that are still in its -wal, and opening it for
writing would change its bytes. One connection stays open from snapshot to publish: SQLite's ``data_version`` shows
every commit by anybody else.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from migrate_to_pg.errors import SourceChangedError, SourceError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.records import Snapshot
from migrate_to_pg.sqlite.checksums import file_sha256, sync_and_hash
from migrate_to_pg.sqlite.connection import open_live, quote_name, snapshot_uri
from migrate_to_pg.sqlite.file_format import foreign_format, pages_in_wal, read_header, unread_wal
from migrate_to_pg.sqlite.source_files import (
    PRIMARY_CODE,
    describe_replacement,
    file_id,
    file_stamp,
    needs_private_copy,
    open_private_copy,
    read_error,
    require_database,
    require_space,
    truncation_error,
)

logger = logging.getLogger(__name__)

#: Time to wait for a writer of the source, as Django's settings for SQLite commonly have it.
BUSY_TIMEOUT_SECONDS = 20.0
#: Waiting connections have tried the lock again by then: SQLite retries ten times a second.
_LOCK_RETRY_SECONDS = 0.3


class Source:
    """The live SQLite database, open read-only. Use it as a context manager."""

    def __init__(self, path: Path, *, wait: float = BUSY_TIMEOUT_SECONDS) -> None:
        self.path = path
        self._lock: sqlite3.Connection | None = None
        require_database(path)
        if problem := foreign_format(path):
            raise SourceError(
                problem,
                detail=[_("SQLite would write its pages over those of the database, for good.")],
                remedy=_(
                    "Copy all of these files to a safe place before anything opens the database; then put a complete"
                    " backup in its place, or move the file that does not belong to it away."
                ),
            )
        # Read before anything holds a lock on the file: closing the file would drop the lock.
        self._header = read_header(path)
        self._file = file_id(path)
        #: State of the files when the copy was made, or when they were last found to hold the same.
        self._stamp: tuple[object, ...] = ()
        self._copy_sha256, self._copy_path = "", path
        #: Sentences on what SQLite ignores of the files. Set by ``copy``.
        self.unread: tuple[str, ...] = ()
        #: None where SQLite can read only a private copy.
        self._connection: sqlite3.Connection | None = None
        try:
            self._connection = open_live(path, wait=wait)
            self._version = self._data_version()
        except sqlite3.Error as error:
            self._close()
            if not needs_private_copy(path, error):
                raise self._copy_error(error) from error
            self._version = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The writer is closed first: as the last connection it would checkpoint the -wal into the file.
        if self._lock is not None:
            self._lock.close()
        self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def size(self) -> int:
        """Bytes of the database and its -wal."""
        wal = self.path.with_name(self.path.name + "-wal")
        return self.path.stat().st_size + (wal.stat().st_size if wal.exists() else 0)

    def counts(self) -> tuple[int, int]:
        """Return the numbers of tables and of applied migrations, as far as they can be read before the copy."""
        tables = migrations = 0
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                query = "SELECT count(*) FROM sqlite_master WHERE type = 'table'"
                [(tables,)] = self._connection.execute(query)
                [(migrations,)] = self._connection.execute("SELECT count(*) FROM django_migrations")
        return tables, migrations

    def lock(self) -> None:
        """Hold SQLite's write lock until this source is closed: writers wait or fail instead of being lost."""
        try:
            self._lock = open_live(self.path, "rw", wait=BUSY_TIMEOUT_SECONDS)
            self._lock.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise SourceError(
                _(
                    "The write lock of {path} could not be taken within {busy_timeout:.0f} s.",
                    path=self.path,
                    busy_timeout=BUSY_TIMEOUT_SECONDS,
                ),
                detail=[str(error)],
                remedy=_("Stop whatever is writing to it, or run without --lock-source."),
            ) from error

    def release_lock(self) -> None:
        """Release the write lock, and wait until waiting writers had a chance to take it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
            time.sleep(_LOCK_RETRY_SECONDS)

    def copy(self, destination: Path) -> Snapshot:
        """Copy the complete database into a new file, wait until the disk has it, and compute the checksums."""
        return self.with_checksums(self.copy_pages(destination))

    def copy_pages(self, destination: Path) -> Snapshot:
        """Copy the complete database, as it is at one moment, into a new file that only its owner can read.

        All pages are copied in one step: SQLite's online backup starts again whenever somebody writes between two
        steps, and would never end against a busy application.
        """
        if problem := self.file_problem():
            raise SourceError(problem, remedy=_("Run again when the complete database is at its place."))
        require_space(destination.parent, self.size)
        self._copy_path = destination
        try:
            with contextlib.nullcontext(self._connection) if self._connection else self._fresh() as connection:
                connection.execute("BEGIN")
                try:
                    connection.execute("SELECT count(*) FROM sqlite_master")
                    self._version = self._data_version()
                    self._stamp = file_stamp(self.path)
                    self._check_complete(connection)
                    _copy(connection, destination)
                finally:
                    # Otherwise the connection would keep a reader's lock.
                    with contextlib.suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            destination.unlink(missing_ok=True)
            if error.sqlite_errorcode & PRIMARY_CODE == sqlite3.SQLITE_FULL:
                # Only the copy is written to.
                raise SourceError(
                    _(
                        "The disk of {directory} became full while the snapshot was written to it.",
                        directory=destination.parent,
                    ),
                    remedy=_("Make room there, or name a directory on a larger disk: --report DIR."),
                ) from error
            raise self._copy_error(error) from error
        return Snapshot(
            source=self.path, path=destination, size=destination.stat().st_size, sha256="", source_sha256=""
        )

    def with_checksums(self, snapshot: Snapshot) -> Snapshot:
        """Wait until the disk has the copy, and return its record with the checksums of both files."""
        self._copy_sha256, original = sync_and_hash(snapshot.path, self.path)
        logger.info("copied %s: SHA-256 of the copy %s", self.path, self._copy_sha256)
        return replace(snapshot, sha256=self._copy_sha256, source_sha256=original)

    @contextlib.contextmanager
    def _fresh(self) -> Iterator[sqlite3.Connection]:
        """Open another connection: the one that stays open keeps using pages that it has read."""
        if self._connection is not None:
            with contextlib.closing(open_live(self.path, wait=BUSY_TIMEOUT_SECONDS)) as connection:
                yield connection
        else:
            # Named like the snapshot, so that both are removed after a run was killed.
            require_space(self._copy_path.parent, self.size)
            private = self._copy_path.with_name(f"{self._copy_path.name}.private")
            with open_private_copy(self.path, private) as connection:
                yield connection

    def _copy_error(self, error: sqlite3.Error) -> SourceError:
        """Explain why SQLite cannot read the file, such as because it ends too early."""
        with contextlib.suppress(OSError):
            size, header = self.path.stat().st_size, self._header
            corrupt = error.sqlite_errorcode & PRIMARY_CODE == sqlite3.SQLITE_CORRUPT
            if corrupt and size < header.page_size * header.pages:
                return truncation_error(self.path, size, header.page_size, header.pages)
        return read_error(self.path, error)

    def _check_complete(self, connection: sqlite3.Connection) -> None:
        """Raise SourceError where the end of the file is missing, which SQLite reads as zeros.

        Called while nobody can write to the file but from the -wal, whose pages need not be in the file yet.
        """
        [(page_size,)] = connection.execute("PRAGMA page_size")
        [(pages,)] = connection.execute("PRAGMA page_count")
        size, in_wal = self.path.stat().st_size, pages_in_wal(self.path)
        if any(page not in in_wal for page in range(size // page_size + 1, pages + 1)):
            raise truncation_error(self.path, size, page_size, pages)
        problem = unread_wal(self.path)
        self.unread = (problem,) if problem else ()
        beyond = size - pages * page_size
        if beyond > 0 and not in_wal:
            self.unread += (
                _(
                    "{path} has {beyond:,} bytes behind its last page: SQLite does not read them.",
                    path=self.path,
                    beyond=beyond,
                ),
            )

    def has_changed(self) -> bool:
        """Report whether anybody committed to the source, or replaced its file, since the copy was made."""
        return bool(self.file_problem()) or self._data_version() != self._version or self._content_differs()

    def _content_differs(self) -> bool:
        """Report whether the pages differ from the copy's, whatever wrote them: SQLite checks only a counter.

        They are compared only where the file stamps differ, as after a checkpoint.
        """
        now = file_stamp(self.path)
        if not self._copy_sha256 or now == self._stamp:
            return False
        # Named like the copy, so that both are removed after a run was killed.
        again = self._copy_path.with_name(f"{self._copy_path.name}.again")
        require_space(again.parent, self.size)
        try:
            with self._fresh() as connection:
                _copy(connection, again)
            differs = file_sha256(again) != self._copy_sha256
        except sqlite3.Error as error:
            raise self._copy_error(error) from error
        finally:
            again.unlink(missing_ok=True)
        if not differs:
            self._stamp = now
        return differs

    def file_problem(self) -> str:
        """Describe what happened to the file without SQLite since the copy was made, or return ''.

        A damaged file is opened again to notice it: an open connection keeps using the pages that it has.
        """
        replacement = describe_replacement(self.path, self._file)
        if replacement or self._connection is None:
            return replacement
        try:
            with self._fresh() as connection:
                connection.execute("SELECT count(*) FROM sqlite_master")
            self._data_version()
        except sqlite3.OperationalError:
            # A lock is no damage.
            return ""
        except sqlite3.DatabaseError as error:
            return _("SQLite cannot read {path} any more: {error}.", path=self.path, error=error)
        return ""

    def require_unchanged(self, snapshot: Snapshot) -> None:
        """Raise SourceChangedError, with the extent of the changes, where publishing would lose rows."""
        if not self.has_changed():
            return
        if problem := self.file_problem():
            raise SourceChangedError(
                _("{became} Nothing was published.", became=problem),
                remedy=_(
                    "The complete snapshot is kept: restore the database from it, or name it with --source; or run"
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
        """Describe, for every table that differs from the snapshot, how many rows were added, changed or removed."""
        if replacement := describe_replacement(self.path, self._file):
            return (replacement,)
        try:
            with self._fresh() as connection:
                connection.execute("ATTACH ? AS snapshot", [snapshot_uri(snapshot.path)])
                tables = connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall()
                return tuple(change for (name,) in tables for change in _table_changes(connection, name))
        except sqlite3.Error as error:
            return (_("The extent of the changes is unknown: {error}.", error=error),)

    def _data_version(self) -> int:
        """Return SQLite's count of commits by other connections, or 0 without a connection."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0]) if self._connection else 0


def _copy(source: sqlite3.Connection, destination: Path) -> None:
    # Made private before it has content. Fails where the file exists.
    os.close(os.open(destination, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with contextlib.closing(sqlite3.connect(destination)) as target:
        # Half a copy has no use: it needs no journal, and one wait for the disk at the end.
        target.execute("PRAGMA journal_mode = OFF")
        target.execute("PRAGMA synchronous = OFF")
        source.backup(target, pages=-1)


def _table_changes(connection: sqlite3.Connection, name: str) -> Iterator[str]:
    quoted = quote_name(name)
    # Only a quoted identifier goes into the text.
    count = "SELECT count(*) FROM (SELECT * FROM {0}.{2} EXCEPT SELECT * FROM {1}.{2})"
    try:
        written = connection.execute(count.format("main", "snapshot", quoted)).fetchone()[0]
        removed = connection.execute(count.format("snapshot", "main", quoted)).fetchone()[0]
    except sqlite3.Error as error:
        yield f"{name}: {error}"
        return
    if written or removed:
        yield _(
            "{name}: {rows} added or changed, {removed:,} removed or with their former values",
            name=name,
            rows=pluralize(written, "row", "rows"),
            removed=removed,
        )
