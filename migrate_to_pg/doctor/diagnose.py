"""Diagnose a SQLite database: every fault that migrate_to_pg finds, and those of SQLite itself.

The source is only ever opened ``mode=ro``, for its snapshot. All checks run on that copy, which is removed.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from migrate_to_pg.doctor.examine import Examination, examine_copy, stage, unreadable_finding
from migrate_to_pg.doctor.file_state import file_findings, hot_journal_finding, lock_finding, read_file_state
from migrate_to_pg.doctor.repair.choose_repairs import repairable
from migrate_to_pg.errors import SourceError, UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.databases import SourceChoice, choose_source
from migrate_to_pg.records import Event, Finding, Level
from migrate_to_pg.records.diagnosis import Diagnosis, FileState
from migrate_to_pg.rules.doctor_findings import NO_ROOM
from migrate_to_pg.rules.run_findings import bytes_not_read
from migrate_to_pg.sqlite.snapshot import Source, require_database, require_space
from migrate_to_pg.system.workdir import WorkDirectory

Progress = Callable[[Event], None]

#: A writer that also locks readers out for longer is a finding.
_READ_TIMEOUT_SECONDS = 5.0


def no_progress(_: Event) -> None:
    """Ignore progress."""


def diagnose(database: str | None = None, progress: Progress = no_progress) -> Diagnosis:
    """Find everything that is wrong with the database: a path, an alias, a sqlite:/// URL, or the default of --source.

    Raise UsageError where there is no SQLite database of that name.
    """
    choice = choose_database(database)
    with temporary_workdir() as place:
        return diagnose_in(choice, place, progress)


def choose_database(database: str | None) -> SourceChoice:
    """Return the database of that name. Raise UsageError where there is none."""
    choice = choose_source(database, argument="sqlite_doctor")
    try:
        require_database(choice.path)
    except SourceError as error:
        raise UsageError(str(error), remedy=_("Name it: manage.py sqlite_doctor PATH.")) from error
    return choice


@contextmanager
def temporary_workdir() -> Iterator[WorkDirectory]:
    """Make a directory for copies, and remove it with them afterwards."""
    try:
        place = WorkDirectory(None)
    except (OSError, UsageError):
        # A diagnosis needs no right to write to the project's directory.
        place = WorkDirectory(Path(tempfile.mkdtemp(prefix="sqlite_doctor-")))
    try:
        yield place
    finally:
        for unfinished in (place.unfinished, place.working_copy, place.unfinished_journal):
            for path in place.directory.glob(f"{unfinished.name}*"):
                path.unlink(missing_ok=True)
        # Another run may have begun in the same second, and in the same directory.
        with contextlib.suppress(OSError):
            place.directory.rmdir()


def diagnose_in(choice: SourceChoice, place: WorkDirectory, progress: Progress) -> Diagnosis:
    """Diagnose an existing database, with a directory for the snapshot."""
    return _Doctor(choice, place, progress).run()


class _Doctor:
    """One examination: the files, then the snapshot, then the files again."""

    def __init__(self, choice: SourceChoice, place: WorkDirectory, progress: Progress) -> None:
        self.choice = choice
        self.place = place
        self.progress = progress
        # Before anything opens the database: even a reader leaves files beside it.
        self.file = read_file_state(choice.path)
        self.unread: tuple[str, ...] = ()

    def run(self) -> Diagnosis:
        refused = self._snapshot()
        if refused:
            return build_diagnosis(self.choice, self.file, self.place, Examination(findings=[refused]))
        examination = examine_copy(self.choice, self.place.unfinished, self.progress)
        examination.add(map(bytes_not_read, self.unread))
        examination.add(file_findings(self.choice.path, self.file, read_file_state(self.choice.path)))
        return build_diagnosis(self.choice, self.file, self.place, examination)

    def _snapshot(self) -> Finding | None:
        """Make the copy to examine, or return the finding that prevents it."""
        path = self.choice.path
        try:
            require_space(self.place.directory, space_needed(self.file))
        except SourceError as error:
            return NO_ROOM.finding(table="", explanation=str(error), remedy=_(NO_ROOM.remedy))
        try:
            with stage(self.progress, "snapshot"), Source(path, wait=_READ_TIMEOUT_SECONDS) as source:
                source.copy(self.place.unfinished)
                self.unread = source.unread
        except SourceError as error:
            return self._no_snapshot(error)
        return None

    def _no_snapshot(self, error: SourceError) -> Finding:
        now = read_file_state(self.choice.path)
        if "locked" in str(error):
            return lock_finding(now, keeps_readers_out=True)
        if now.journal_is_hot and not now.writer:
            return hot_journal_finding(self.choice.path, str(error))
        return unreadable_finding(error)


def space_needed(file: FileState) -> int:
    """Return the bytes of a copy."""
    return file.bytes + file.beside.get("-wal", 0)


def build_diagnosis(choice: SourceChoice, file: FileState, place: WorkDirectory, examination: Examination) -> Diagnosis:
    """Collect all results, errors first."""
    catalog = examination.catalog
    return Diagnosis(
        source=str(choice.path),
        file=file,
        space_needed=space_needed(file),
        space_free=shutil.disk_usage(place.directory).free,
        sqlite_version=sqlite3.sqlite_version,
        pages=examination.pages,
        tables=len(catalog.counted) if catalog else None,
        rows=sum(table.rows for table in catalog.counted) if catalog else None,
        migrations=len(catalog.applied_migrations) if catalog else None,
        repairable=repairable(examination.findings, schema=not examination.schema.complaint),
        findings=tuple(sorted(examination.findings, key=lambda finding: finding.level is not Level.ERROR)),
    )
