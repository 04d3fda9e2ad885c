"""A dump in, what a live source gives out: one snapshot, and the answer that nobody has written to it since.

All of the file is read and compared with its manifest before anything is written; the database that is made of it is
read again and compared with the manifest as well.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from zoneinfo import ZoneInfo

import pyarrow as pa

from migrate_to_pg.dumpfile.container import Archive
from migrate_to_pg.dumpfile.manifest import Manifest, StoredTable
from migrate_to_pg.dumpfile.restore import Opened, rebuild
from migrate_to_pg.dumpfile.seal import database_facts
from migrate_to_pg.dumpfile.tables import Fingerprint, schema, take
from migrate_to_pg.errors import ArchiveError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import DumpFacts, Event, Snapshot
from migrate_to_pg.sqlite.connection import open_snapshot
from migrate_to_pg.sqlite.page_stats import largest_rows
from migrate_to_pg.sqlite.snapshot import file_sha256

#: What Arrow and zipfile raise for rows that are not what --dump writes.
_BAD = (pa.ArrowException, OSError, EOFError, ValueError, MemoryError)
Progress = Callable[[Event], None]


class DumpedSource:
    """The database that a dump holds; a context manager. Raises ArchiveError where it is not whole."""

    def __init__(self, path: Path, progress: Progress) -> None:
        self.progress = progress
        self._file = _opened(path)
        try:
            self._archive = Archive(path, self._file)
            self._require_rows()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def manifest(self) -> Manifest:
        """What the dump says about itself."""
        return self._archive.manifest

    @property
    def path(self) -> Path:
        """The file that was dumped, on its own machine."""
        return Path(self.manifest.path)

    @property
    def size(self) -> int:
        """Bytes that it had."""
        return self.manifest.bytes

    def copy(self, destination: Path, opened: Opened) -> Snapshot:
        """Make the database again in a new file, and certify that it holds what was dumped.

        ``opened`` gives a connection to a file with the functions that the project's indexes may call.
        """
        try:
            rebuild(destination, self.manifest.database, self.manifest.tables, self._told("rebuild"), opened)
            self._require_same(destination)
        except BaseException:
            destination.unlink(missing_ok=True)
            raise
        return self._snapshot(destination)

    def _require_same(self, destination: Path) -> None:
        try:
            _require_same(destination, self.manifest)
        except sqlite3.Error as error:
            raise ArchiveError(
                _("What was made of {path} cannot be read: {error}.", path=self._archive.path, error=error),
                remedy=_("Nothing was published. Make the dump again, or move this database without one."),
            ) from error

    def _snapshot(self, path: Path) -> Snapshot:
        return Snapshot(
            source=self.path,
            path=path,
            size=path.stat().st_size,
            sha256=file_sha256(path),
            source_sha256=self.manifest.sha256,
            dump=self.facts,
            dumped_size=self.size,
        )

    @property
    def facts(self) -> DumpFacts:
        """The dump as the report tells of it."""
        archive = self._archive
        return DumpFacts(
            path=str(archive.path), bytes=archive.size, sha256=archive.sha256, written=archive.manifest.written
        )

    def has_changed(self) -> bool:
        """Nobody writes to a dump."""
        return False

    def require_unchanged(self, snapshot: Snapshot) -> None:
        """It never is changed."""

    def changes(self, snapshot: Snapshot) -> tuple[str, ...]:
        """There are none."""
        return ()

    def _require_rows(self) -> None:
        """Every row of every table read once, without keeping any: what cannot be read is refused now."""
        read = self._told("validate")
        for number, table in enumerate(self.manifest.tables):
            fingerprint = Fingerprint(table)
            for _batch in fingerprint.follow(read(number)):
                pass
            if fingerprint.rows != table.rows or fingerprint.hexdigest() != table.sha256:
                raise self._wrong(table, _("its rows are not those that the manifest tells of"))
        try:
            ZoneInfo(self.manifest.time_zone)
        except (ValueError, OSError, KeyError) as error:
            raise ArchiveError(
                _("This machine does not know the time zone of the dump: {zone}.", zone=self.manifest.time_zone),
                remedy=_("Install the time zones: the tzdata package."),
            ) from error

    def _told(self, stage: str) -> Callable[[int], Iterator[pa.RecordBatch]]:
        total = sum(table.rows for table in self.manifest.tables)
        done = 0

        def rows(number: int) -> Iterator[pa.RecordBatch]:
            nonlocal done
            for batch in self._rows(number):
                done += batch.num_rows
                self.progress(Event(kind="progress", stage=stage, done=done, total=total))
                yield batch

        return rows

    def _rows(self, number: int) -> Iterator[pa.RecordBatch]:
        table = self.manifest.tables[number]
        try:
            with self._archive.open(number) as stream, pa.ipc.open_stream(stream) as reader:
                if not reader.schema.equals(schema(table)):
                    raise self._wrong(table, _("its columns are not those that the manifest tells of"))
                for batch in reader:
                    batch.validate(full=True)
                    yield batch
        except _BAD as error:
            raise self._wrong(table, str(error) or type(error).__name__) from error

    def _wrong(self, table: StoredTable, reason: str) -> ArchiveError:
        return ArchiveError(
            _(
                "{path} does not hold table {name} as --dump writes it: {reason}.",
                path=self._archive.path,
                name=table.name,
                reason=reason,
            ),
            remedy=_("Nothing was written. Copy it again from the machine where it was made, or make it again."),
        )


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise ArchiveError(
            _("There is no dump at {path}.", path=path), remedy=_("Name the file that --dump wrote: --from-dump FILE.")
        ) from None
    except OSError as error:
        raise ArchiveError(
            _("{path} cannot be read: {strerror}.", path=path, strerror=error.strerror),
            remedy=_("Run as a user who may read it."),
        ) from error


def _require_same(path: Path, manifest: Manifest) -> None:
    """The database that was made is read as the one that was dumped had been, and is the same."""
    largest = largest_rows(path)
    with contextlib.closing(open_snapshot(path)) as database:
        different = [] if database_facts(database) == manifest.database else ["sqlite_schema"]
        different += [
            table.name
            for table in manifest.tables
            if take(path, database, table.name, largest.get(table.name)) != table
        ]
    if different:
        raise ArchiveError(
            _("What was made of the dump is not what was dumped: {names}.", names=", ".join(different)),
            remedy=_("Nothing was published. Move this database without a dump, and please report this."),
        )
