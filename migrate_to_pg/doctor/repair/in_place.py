"""Repair a database in place, or leave it exactly as it was, and record what happened.

Everything is rehearsed on a copy first, and examined there. The steps that worked are then repeated on the database
itself, in one transaction, which is committed only where the result is the same, byte for byte.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from migrate_to_pg.doctor.examine import Examination, examine_copy, stage
from migrate_to_pg.doctor.repair import regressions
from migrate_to_pg.doctor.repair.backup import make_backup, restore
from migrate_to_pg.doctor.repair.decision import Decision
from migrate_to_pg.doctor.repair.edits import attach
from migrate_to_pg.doctor.repair.integrity import check_integrity, read_integrity
from migrate_to_pg.doctor.repair.lock import begin, commit, locked, require_possible
from migrate_to_pg.doctor.repair.rebuild import RebuildError, prepare
from migrate_to_pg.doctor.repair.replace_rows import RepairedRows
from migrate_to_pg.doctor.repair.steps import CreateIndexes, ReplaceRows, RowsError, Step
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

#: Schema name of the rehearsal's copy, attached to the repairing connection.
_REHEARSED = "migrate_to_pg_rehearsed"


class RepairRun:
    """One repair of one database. ``run`` may be called once."""

    def __init__(
        self, choice: SourceChoice, place: WorkDirectory, accepted: Collection[str], progress: Progress
    ) -> None:
        self.choice = choice
        self.path = choice.path
        self.place = place
        self.accepted = accepted
        self.progress = progress
        self.backup = Path()
        self.committed = False
        self.restored = False
        self.version = 0
        self.steps: list[Step] = []
        self.refused: list[NotRepaired] = []
        self.repaired_rows: RepairedRows | None = None
        self.before = Examination()
        #: The examination after the repair. None where the database is unchanged.
        self.after: Examination | None = None

    def run(self) -> RepairRecord:
        """Repair, or leave the database unchanged. Record errors of SQLite and of the database's state."""
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
            not_repaired=tuple(dict.fromkeys(self.refused)),
            restored=self.restored,
            failure=failure,
        )

    def _run(self) -> None:
        # The copying connection is opened first: opening the file again later would drop the lock. It is also closed
        # first: the last one writes the -wal back.
        with Source(self.path) as source:
            require_possible(self.path, source.size, self.place.directory)
            with locked(self.choice) as database, source:
                with stage(self.progress, "backup"):
                    self.backup = make_backup(source, database)
                try:
                    self._plan()
                    self._try_out()
                finally:
                    # Nothing was changed, so the backup has no use.
                    if not self.steps:
                        self.backup.unlink()
                        self.backup = Path()
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
        """Examine a copy, and decide on the steps."""
        shutil.copyfile(self.backup, self._copy)
        self._copy.chmod(0o600)
        self.before = examine_copy(self.choice, self._copy, self.progress)
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
        self.steps, self.refused = self._decision.steps()
        self.repaired_rows = self._decision.repaired_rows

    def _try_out(self) -> None:
        """Repair the copy, and examine it again. Steps that fail there are left out."""
        while self.steps and (error := self._rehearse()):
            self._decision.skip_table(self.steps, error)
            self._decide()
        if self.steps:
            after = examine_copy(self.choice, self._copy, self.progress)
            regressions.require_none(self._all_regressions(after))

    def _rehearse(self) -> RowsError | None:
        """Repair the copy. Return the error, with nothing changed, where one table's rows block all others'."""
        with stage(self.progress, "rehearsal"), connect_like_django(self.choice, self._copy) as database:
            prepare(database)
            self._attach(database)
            database.execute("BEGIN IMMEDIATE")
            known = read_integrity(database)
            remaining = (step.remaining(database) if isinstance(step, CreateIndexes) else step for step in self.steps)
            try:
                self.steps = [done for step in remaining if step and (done := self._apply_or_reduce(database, step))]
            except RowsError as error:
                database.execute("ROLLBACK")
                return error
            if not any(isinstance(step, ReplaceRows) for step in self.steps):
                self.repaired_rows = None
            check_integrity(known, read_integrity(database))
            database.execute("COMMIT")
        return None

    def _attach(self, database: sqlite3.Connection) -> None:
        if self.repaired_rows:
            attach(database, self.repaired_rows.working, self.repaired_rows.journal)

    def _apply_or_reduce(self, database: sqlite3.Connection, step: Step) -> Step | None:
        """Return the step, or a smaller one where it fails. The difference is refused.

        Raise RowsError where one table's rows block those of others, which can be repaired without them.
        """
        error = self._try_step(database, step)
        if error is None:
            return step
        smaller = None
        if isinstance(step, ReplaceRows) and isinstance(error, RowsError):
            smaller = step.without_table(error.table)
            if smaller is None and self._decision.can_skip(step, step.edits[error.table].table):
                raise error
        applied = self._apply_or_reduce(database, smaller) if smaller else None
        included = smaller.repaired() if smaller else ()
        reason = str(error) or type(error).__name__
        dropped = (repair for repair in step.repaired() if repair not in included)
        self.refused += [NotRepaired(rule=repair.rule, table=repair.table, reason=reason) for repair in dropped]
        return applied

    def _try_step(self, database: sqlite3.Connection, step: Step) -> Exception | None:
        """Apply a step, or return the error with nothing changed."""
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
        """Repeat the steps on the database, and commit where the result is the same."""
        with stage(self.progress, "repair"):
            self._attach(database)
            known = read_integrity(database)
            for step in self.steps:
                step.apply(database)
            check_integrity(known, read_integrity(database))
            database.execute(f"ATTACH ? AS {_REHEARSED}", [snapshot_uri(self._copy)])
            differs = difference(database, _REHEARSED)
            if differs:
                regressions.require_none(
                    [_("{differs} is not as it was when the repair was tried on a copy", differs=differs)]
                )
            # While the lock is held nobody else can commit: later changes of the version are others' writes.
            self.version = _data_version(database)
            commit(database, self.path)
            self.committed = True

    def _verify_or_restore(self, source: Source, database: sqlite3.Connection) -> None:
        """Examine the database while nobody writes to it, and restore the backup for any regression."""
        with self._held(database) as unchanged:
            found = self._regressions(source)
        if found and not unchanged:
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
        """Hold the write lock again, and yield whether nobody else wrote since the repair was committed."""
        try:
            begin(database, self.path)
        except RepairError:
            yield False
            return
        yield _data_version(database) == self.version
        database.execute("ROLLBACK")

    def _regressions(self, source: Source) -> list[str]:
        """Return every reason to undo the repair, such as that the database cannot be read."""
        fresh = self._copy.with_name(f"{self._copy.name}.after")
        try:
            source.copy(fresh)
        except (MigrateToPgError, sqlite3.Error, OSError) as error:
            return [str(error)]
        self.after = examine_copy(self.choice, fresh, self.progress)
        return self._all_regressions(self.after)

    def _all_regressions(self, after: Examination) -> list[str]:
        return regressions.find_regressions(self.before.findings, after.findings, self.steps, self.repaired_rows)

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


#: Rules by which data read are not data written.
_BEYOND_REPAIR = (integrity_check.RULE.id, "unreadable")


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
