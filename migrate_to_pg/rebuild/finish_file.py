"""Add to the new file what no migration makes, and refuse it where it is not healthy or the old file has changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from migrate_to_pg.doctor.diagnose import examine_copy
from migrate_to_pg.errors import SourceChangedError, VerificationError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.source_database import SourceChoice
from migrate_to_pg.project.sqlite_connection import any_text, connect_like_django, django_connection
from migrate_to_pg.rebuild.copy_as_is import CopyAsIs
from migrate_to_pg.rebuild.keep_forms import KeepForms
from migrate_to_pg.records import Finding, Level, Progress
from migrate_to_pg.sqlite.compare_contents import difference
from migrate_to_pg.sqlite.connection import journal_mode, live_uri, snapshot_uri
from migrate_to_pg.sqlite.source_files import file_stamp

#: Schema names of attached databases.
_OLD, _SNAPSHOT, _JOURNAL = "migrate_to_pg_old", "migrate_to_pg_snapshot", "migrate_to_pg_journal"
#: Numbers in the header that belong to the application.
_HEADER = ("user_version", "application_id")


class Finish:
    """The last stages of a rebuild, called with the verified file before it gets its name."""

    def __init__(self, choice: SourceChoice, new: SourceChoice, progress: Progress) -> None:
        """Remember the old file's state. Make this before the snapshot is taken."""
        self._old = choice.path
        self._new = new
        self._progress = progress
        self._stamp = file_stamp(choice.path)
        #: What was moved. Set once it is there.
        self.snapshot = Path()
        #: The record of the repairs, '' where nothing was repaired. Set with the snapshot.
        self.journal = ""
        #: What stays in the old file alone, and what is written otherwise in the new one.
        self.findings: tuple[Finding, ...] = ()

    def __call__(self, path: Path) -> None:
        """Finish the file. Raise VerificationError, SourceChangedError or sqlite3.Error where it must not be used."""
        self.findings = self._keep_forms(path)
        with connect_like_django(self._new, path) as database:
            database.isolation_level = None
            database.execute("PRAGMA foreign_keys = OFF")
            database.execute(f"ATTACH ? AS {_OLD}", [snapshot_uri(self.snapshot)])
            copy = CopyAsIs(database, _OLD)
            self.findings += tuple(copy.run())
            for name in _HEADER:
                (value,) = database.execute(f"PRAGMA {_OLD}.{name}").fetchone()
                database.execute(f"PRAGMA main.{name} = {int(value)}")
            if database.execute(f"PRAGMA {_OLD}.table_info(sqlite_stat1)").fetchone():
                database.execute("ANALYZE main")
            database.execute(f"DETACH {_OLD}")
            if journal_mode(self.snapshot) == "wal":
                database.execute("PRAGMA main.journal_mode = WAL")
        self.findings += tuple(self._remaining(path, copy.made))
        self._require_unchanged()

    def _keep_forms(self, path: Path) -> tuple[Finding, ...]:
        """Write the cells as the old file has them. Return what is written otherwise all the same."""
        with django_connection(self._new, path) as connection:
            database: sqlite3.Connection = connection.connection
            database.text_factory = any_text
            database.isolation_level = None
            database.execute("PRAGMA foreign_keys = OFF")
            database.execute(f"ATTACH ? AS {_OLD}", [snapshot_uri(self.snapshot)])
            if self.journal:
                database.execute(f"ATTACH ? AS {_JOURNAL}", [snapshot_uri(Path(self.journal))])
            return tuple(KeepForms(connection, _OLD, _JOURNAL if self.journal else "").run())

    def _remaining(self, path: Path, as_is: Collection[str]) -> Iterator[Finding]:
        """Yield a warning for each error of a table copied as it is. Raise VerificationError for any other error."""
        found = examine_copy(self._new, path, self._progress).findings
        errors = [finding for finding in found if finding.level is Level.ERROR and finding.table not in as_is]
        yield from (replace(f, level=Level.WARNING) for f in found if f.level is Level.ERROR and f.table in as_is)
        if errors:
            raise VerificationError(
                _("The new file is not healthy, so it was removed."),
                detail=[f"{finding.rule} {finding.place}: {finding.explanation}" for finding in errors],
                remedy=_("Correct in the old file what these findings name, then run again."),
            )

    def _require_unchanged(self) -> None:
        """Raise SourceChangedError where the old file holds something else than what was moved."""
        if file_stamp(self._old) == self._stamp:
            return
        with closing(sqlite3.connect(live_uri(self._old), uri=True, isolation_level=None)) as database:
            database.execute(f"ATTACH ? AS {_SNAPSHOT}", [snapshot_uri(self.snapshot)])
            try:
                place = difference(database, _SNAPSHOT)
            except sqlite3.DatabaseError as error:
                # A damaged file that was not written to has the stamp that it had.
                place = str(error)
        if place:
            raise SourceChangedError(
                _("{path} was written to meanwhile, and the new file would not have it.", path=self._old),
                detail=[_("The first difference: {place}", place=place)],
                remedy=_("Stop the application, then run again."),
            )
