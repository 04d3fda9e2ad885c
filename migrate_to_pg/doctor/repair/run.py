"""A database and the accepted repairs in; the database repaired out, or exactly as it was, and the record of it.

Everything is tried on a copy first, and examined there. What was seen to work is then done again to the database
itself, in one transaction, which is committed only where the outcome is the same, byte for byte.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from migrate_to_pg.doctor.examine import Checkup, check_up, stage
from migrate_to_pg.doctor.repair import regressions
from migrate_to_pg.doctor.repair.backup import make_backup, restore
from migrate_to_pg.doctor.repair.decision import Decision
from migrate_to_pg.doctor.repair.edits import attach
from migrate_to_pg.doctor.repair.integrity import check_integrity, soundness
from migrate_to_pg.doctor.repair.lock import begin, commit, locked, require_possible
from migrate_to_pg.doctor.repair.rebuild import RebuildError, prepare
from migrate_to_pg.doctor.repair.replace_rows import RepairedRows
from migrate_to_pg.doctor.repair.steps import EditRows, MakeIndexes, RowsError, Step
from migrate_to_pg.errors import MigrateToPgError, RepairError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.databases import SourceChoice
from migrate_to_pg.project.sqlite_connection import connect_like_django
from migrate_to_pg.records import Event, Failure
from migrate_to_pg.records.diagnosis import NotRepaired, RepairRecord
from migrate_to_pg.rules.file import integrity_check
from migrate_to_pg.sqlite.compare_contents import difference
from migrate_to_pg.sqlite.connection import snapshot_uri
from migrate_to_pg.sqlite.snapshot import Source
from migrate_to_pg.system.workdir import WorkDirectory

Progress = Callable[[Event], None]

#: The name of the copy on which the repair was tried, where it is attached to the connection that repairs.
_TRIED = "migrate_to_pg_tried"


class InPlace:
    """One repair of one database; ``run`` may be called once."""

    def __init__(
        self, choice: SourceChoice, place: WorkDirectory, accepted: Collection[str], progress: Progress
    ) -> None:
        self.choice = choice
        self.path = choice.path
        self.place = place
        self.accepted = accepted
        self.progress = progress
        #: As far as it came.
        self.backup = Path()
        self.committed = False
        self.restored = False
        self.version = 0
        self.steps: list[Step] = []
        self.find_rejected: list[NotRepaired] = []
        self.mended: RepairedRows | None = None
        self.before = Checkup()
        #: What was found in the end; None where the database is as it was.
        self.after: Checkup | None = None

    def run(self) -> RepairRecord:
        """Repair, or leave the database as it is; never raises for what SQLite or the database's state refuses."""
        try:
            self._run()
        except (MigrateToPgError, RebuildError, sqlite3.Error, OSError, UnicodeEncodeError) as error:
            return self._record(_failure(error))
        except KeyboardInterrupt:
            raise self._interrupted() from None
        return self._record(None)

    def _interrupted(self) -> RepairError:
        holds = self.committed and not self.restored
        what = (
            _("the repair was committed already, and was not examined again")
            if holds
            else _("the database is as it was")
        )
        return RepairError(
            _("Interrupted; {what}.", what=what),
            detail=[_("Backup: {backup_name}", backup_name=self._backup_name)] if self._backup_name else [],
        )

    def _record(self, failure: Failure | None) -> RepairRecord:
        holds = self.committed and not self.restored
        return RepairRecord(
            backup=self._backup_name,
            repaired=tuple(done for step in self.steps for done in step.repaired()) if holds else (),
            not_repaired=tuple(dict.fromkeys(self.find_rejected)),
            restored=self.restored,
            failure=failure,
        )

    def _run(self) -> None:
        # The connection that copies is opened first: to open the file again later would drop the lock. It is closed
        # first, too: the last one writes the -wal back.
        with Source(self.path) as source:
            require_possible(self.path, source.size, self.place.directory)
            with locked(self.choice) as database, source:
                with stage(self.progress, "backup"):
                    self.backup = make_backup(source, database)
                try:
                    self._plan()
                    self._try_out()
                finally:
                    if not self.steps:
                        self._drop_backup()
                if self.steps:
                    self._repair(database)
                    self._verify_or_restore(source, database)

    @property
    def _backup_name(self) -> str:
        return str(self.backup) if self.backup.name else ""

    @property
    def _copy(self) -> Path:
        return self.place.unfinished

    def _plan(self) -> None:
        """Examine a copy, and decide what is to be done."""
        shutil.copyfile(self.backup, self._copy)
        self._copy.chmod(0o600)
        self.before = check_up(self.choice, self._copy, self.progress)
        catalog, plan = self.before.catalog, self.before.plan
        damaged = [finding for finding in self.before.findings if finding.rule in _BEYOND_REPAIR]
        if damaged or catalog is None or plan is None:
            raise RepairError(
                _("{path} is damaged: what is read from it cannot be trusted, so nothing was changed.", path=self.path),
                detail=[line for finding in damaged for line in finding.explanation.splitlines()],
                remedy=_(integrity_check.RULE.remedy),
            )
        self._decision = Decision(
            self.choice, self.place, self.before.findings, plan, catalog, self.before.schema,
            accepted=self.accepted, backup=self.backup, progress=self.progress,
        )  # fmt: skip
        self._decide()

    def _decide(self) -> None:
        self.steps, self.find_rejected = self._decision.steps()
        self.mended = self._decision.mended

    def _drop_backup(self) -> None:
        """Nothing was changed: a copy of what is there would only be in the way."""
        self.backup.unlink()
        self.backup = Path()

    def _try_out(self) -> None:
        """Repair the copy, and examine it again; what cannot be done there is left out."""
        while self.steps and (stuck := self._rehearse()):
            self._decision.skip_table(self.steps, stuck)
            self._decide()
        if self.steps:
            after = check_up(self.choice, self._copy, self.progress)
            regressions.require_none(self._all_regressions(after))

    def _rehearse(self) -> RowsError | None:
        """Repair the copy; where the rows of one table are in the way of all others', nothing, and which it is."""
        with stage(self.progress, "rehearsal"), connect_like_django(self.choice, self._copy) as database:
            prepare(database)
            self._attach(database)
            database.execute("BEGIN IMMEDIATE")
            known = soundness(database)
            due = (_still_due(database, step) for step in self.steps)
            try:
                self.steps = [works for step in due if step and (works := self._what_works(database, step))]
            except RowsError as stuck:
                database.execute("ROLLBACK")
                return stuck
            if not any(isinstance(step, EditRows) for step in self.steps):
                self.mended = None
            check_integrity(known, soundness(database))
            database.execute("COMMIT")
        return None

    def _attach(self, database: sqlite3.Connection) -> None:
        if self.mended:
            attach(database, self.mended.working, self.mended.journal)

    def _what_works(self, database: sqlite3.Connection, step: Step) -> Step | None:
        """The step, or what takes its place where it cannot be done; the rest is refused.

        Raises RowsError where one table's rows are in the way of others', which may go without them.
        """
        error = self._try_step(database, step)
        if error is None:
            return step
        lesser = None
        if isinstance(step, EditRows) and isinstance(error, RowsError):
            lesser = step.without_table(error.table)
            if lesser is None and self._decision.can_skip(step, step.edits[error.table].table):
                raise error
        works = self._what_works(database, lesser) if lesser else None
        told = lesser.repaired() if lesser else ()
        reason = str(error) or type(error).__name__
        left = (gone for gone in step.repaired() if gone not in told)
        self.find_rejected += [NotRepaired(rule=gone.rule, table=gone.table, reason=reason) for gone in left]
        return works

    def _try_step(self, database: sqlite3.Connection, step: Step) -> Exception | None:
        """Why a step cannot be done; None where it is done now."""
        database.execute("SAVEPOINT step")
        try:
            step.apply(database)
        except (RebuildError, sqlite3.Error, UnicodeEncodeError) as error:
            database.execute("ROLLBACK TO step")
            return error
        finally:
            database.execute("RELEASE step")
        return None

    def _repair(self, database: sqlite3.Connection) -> None:
        """Do the same to the database, and commit it where the outcome is the same."""
        with stage(self.progress, "repair"):
            self._attach(database)
            known = soundness(database)
            for step in self.steps:
                step.apply(database)
            check_integrity(known, soundness(database))
            database.execute(f"ATTACH ? AS {_TRIED}", [snapshot_uri(self._copy)])
            differs = difference(database, _TRIED)
            if differs:
                regressions.require_none(
                    [_("{differs} is not as it was when the repair was tried on a copy", differs=differs)]
                )
            # As long as the lock is held nobody else can commit: what counts from here on is others' doing.
            self.version = _data_version(database)
            commit(database, self.path)
            self.committed = True

    def _verify_or_restore(self, source: Source, database: sqlite3.Connection) -> None:
        """Examine the database while nobody writes to it; where there is any doubt the backup is put back."""
        with self._held(database) as untouched:
            found = self._regressions(source)
        if found and not untouched:
            raise RepairError(
                _(
                    "{path} was written to by others right after the repair; the backup was not put back.",
                    path=self.path,
                ),
                detail=found,
                remedy=_("Compare the database with the backup before trusting either."),
            )
        if found:
            self._restore(database, found)
            regressions.require_none(found)

    @contextmanager
    def _held(self, database: sqlite3.Connection) -> Iterator[bool]:
        """Hold the write lock again; whether nobody else wrote since the repair was committed."""
        try:
            begin(database, self.path)
        except RepairError:
            yield False
            return
        yield _data_version(database) == self.version
        database.execute("ROLLBACK")

    def _regressions(self, source: Source) -> list[str]:
        """Every reason to take the repair back; that it cannot be read is one."""
        fresh = self._copy.with_name(f"{self._copy.name}.after")
        try:
            source.copy(fresh)
        except (MigrateToPgError, sqlite3.Error, OSError) as error:
            return [str(error)]
        self.after = check_up(self.choice, fresh, self.progress)
        return self._all_regressions(self.after)

    def _all_regressions(self, after: Checkup) -> list[str]:
        return regressions.find_regressions(self.before.findings, after.findings, self.steps, self.mended)

    def _restore(self, database: sqlite3.Connection, found: list[str]) -> None:
        try:
            with stage(self.progress, "restore"):
                restore(database, self.backup)
        except sqlite3.Error as error:
            raise RepairError(
                _(
                    "The repair did not come out as it should, and the backup could not be put back: {error}.",
                    error=error,
                ),
                detail=found,
                remedy=_(
                    "Stop the application, remove {path}-wal and -shm, and copy {backup} to {path}.",
                    path=self.path,
                    backup=self.backup,
                ),
            ) from error
        self.restored = True
        self.after = None


#: Rules that say that what is read is not what was written.
_BEYOND_REPAIR = (integrity_check.RULE.id, "unreadable")


def _still_due(database: sqlite3.Connection, step: Step) -> Step | None:
    return step.still_due(database) if isinstance(step, MakeIndexes) else step


def _data_version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA data_version").fetchone()[0])


def _failure(error: Exception) -> Failure:
    if isinstance(error, MigrateToPgError):
        return Failure(
            message=str(error), detail=error.detail, remedy=error.remedy, exit_status=RepairError.exit_status
        )
    return Failure(
        message=_("The repair was given up: {error}.", error=error),
        detail=(),
        remedy=_("The database is as it was: SQLite rolled everything back."),
        exit_status=RepairError.exit_status,
    )
