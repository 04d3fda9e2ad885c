"""A snapshot in, a dump of it out: one new file, readable by its owner alone, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from migrate_to_pg.dumpfile.container import Packing
from migrate_to_pg.dumpfile.manifest import Database, Manifest, StoredTable, member
from migrate_to_pg.dumpfile.restore import Opened, require_rebuildable
from migrate_to_pg.dumpfile.seal import database_facts
from migrate_to_pg.dumpfile.tables import schema, take
from migrate_to_pg.errors import ArchiveError, UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import DumpFacts, Event, Snapshot, SourceCatalog
from migrate_to_pg.sqlite.missing_functions import open_for_reading
from migrate_to_pg.sqlite.page_stats import largest_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a dump tells besides what the snapshot holds."""

    #: ISO 8601 with offset.
    written: str
    versions: Mapping[str, str]
    alias: str
    time_zone: str
    #: As in report.json.
    findings: Sequence[Mapping[str, Any]]


def require_absent(path: Path) -> None:
    """UsageError where the dump cannot be made at that path; nothing is ever overwritten."""
    if path.exists() or path.is_symlink():
        raise UsageError(
            _("--dump {path}: there is something at that path already.", path=path),
            remedy=_("Name a new file: nothing is overwritten."),
        )
    if not path.parent.is_dir():
        raise UsageError(_("--dump {path}: there is no directory {parent}.", path=path, parent=path.parent))


def write(
    destination: Path,
    snapshot: Snapshot,
    catalog: SourceCatalog,
    circumstances: Circumstances,
    *,
    opened: Opened,
    progress: Callable[[Event], None],
) -> DumpFacts:
    """Write it all to ``destination``, which must not exist.

    ``opened`` gives a connection with the functions that the project's indexes may call. Raises ArchiveError where the
    database could not be made again from a dump, or the file cannot be written.
    """
    unfinished = destination.with_name(f"{destination.name}.{os.getpid()}.unfinished")
    try:
        with _new(unfinished) as file:
            sha256 = _Writing(snapshot, catalog, progress).write(file, circumstances, opened)
            size = os.fstat(file.fileno()).st_size
        _rename(unfinished, destination)
    except UnicodeEncodeError as error:
        raise ArchiveError(
            _("The database holds names that are not UTF-8, and a dump cannot."),
            remedy=_("Drop what has them, with the program that made it, or move this database without a dump."),
        ) from error
    except OSError as error:
        raise ArchiveError(
            _("{path} cannot be written: {strerror}.", path=destination, strerror=error.strerror or error),
            remedy=_("Name a new file in a directory with room for it."),
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return DumpFacts(path=str(destination), bytes=size, sha256=sha256, written=circumstances.written)


def _new(path: Path) -> IO[bytes]:
    # Made private before there is anything in it to read.
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b")


def _rename(unfinished: Path, destination: Path) -> None:
    """Give it its name, if nobody has taken that meanwhile."""
    try:
        os.link(unfinished, destination)
    except FileExistsError:
        raise
    except OSError:
        # A file system without hard links, as on many a USB stick.
        if destination.exists():
            raise
        unfinished.rename(destination)
    with contextlib.suppress(OSError):
        directory = os.open(destination.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


class _Writing:
    """One dump on its way into a file."""

    def __init__(self, snapshot: Snapshot, catalog: SourceCatalog, progress: Callable[[Event], None]) -> None:
        self.snapshot = snapshot
        self.catalog = catalog
        self.progress = progress
        self.total = sum(table.rows for table in catalog.tables)
        self.done = 0

    def write(
        self,
        file: IO[bytes],
        circumstances: Circumstances,
        opened: Opened,
    ) -> str:
        """All of it; the SHA-256 of the file."""
        with Packing(file) as packing, contextlib.closing(open_for_reading(self.snapshot.path)) as database:
            facts = database_facts(database)
            path = self.snapshot.path
            require_rebuildable(database, facts, path.with_name(f"{path.name}-trial"), opened)
            names = [line.name for line in facts.schema if line.stored and line.type == "table"]
            largest = largest_rows(self.snapshot.path)
            tables = [self._table(packing, n, name, database, largest.get(name)) for n, name in enumerate(names)]
            return packing.seal(self._manifest(circumstances, facts, tables))

    def _manifest(self, circumstances: Circumstances, facts: Database, tables: Sequence[StoredTable]) -> Manifest:
        return Manifest(
            written=circumstances.written,
            versions=dict(circumstances.versions),
            path=str(self.snapshot.source),
            bytes=self.snapshot.size,
            sha256=self.snapshot.source_sha256,
            alias=circumstances.alias,
            time_zone=circumstances.time_zone,
            migrations=self.catalog.applied_migrations,
            findings=tuple(circumstances.findings),
            database=facts,
            tables=tuple(tables),
        )

    def _table(
        self, packing: Packing, number: int, name: str, database: sqlite3.Connection, largest: int | None
    ) -> StoredTable:
        def keep(table: StoredTable, batches: Iterator[pa.RecordBatch]) -> None:
            options = pa.ipc.IpcWriteOptions(compression="zstd")
            with (
                packing.member(member(number)) as stream,
                pa.ipc.new_stream(stream, schema(table), options=options) as rows,
            ):
                for batch in batches:
                    rows.write_batch(batch)
                    self._tell(batch.num_rows)

        taken = take(self.snapshot.path, database, name, largest, keep)
        known = self.catalog.table(name)
        if known is not None and known.rows != taken.rows:
            raise ArchiveError(
                _(
                    "Table {name} holds {rows:,} rows, and its index {counted:,}.",
                    name=name,
                    rows=taken.rows,
                    counted=known.rows,
                ),
                remedy=_("The file is damaged: repair it with REINDEX, or restore a backup, then run again."),
            )
        return taken

    def _tell(self, rows: int) -> None:
        self.done += rows
        self.progress(Event(kind="progress", stage="dump", done=self.done, total=max(self.total, self.done)))
