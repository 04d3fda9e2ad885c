"""Repair a database in place, or leave it unchanged, and record what happened.

Everything is rehearsed on a copy first, and examined there. The steps that worked are then repeated on the database
itself, in one transaction, which is committed only where the result is the same, byte for byte.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from migrate_to_pg.doctor.diagnose import Examination, examine_copy, stage
from migrate_to_pg.doctor.repair import regressions
from migrate_to_pg.doctor.repair.lock import begin, commit, locked, require_possible
from migrate_to_pg.doctor.repair.reference_schema import make_reference
from migrate_to_pg.doctor.repair.regressions import check_integrity, read_integrity
from migrate_to_pg.doctor.repair.repair_plan import RepairPlan
from migrate_to_pg.doctor.repair.steps import CreateIndexes, Step, prepare
from migrate_to_pg.errors import MigrateToPgError, RepairError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.source_database import SourceChoice
from migrate_to_pg.project.sqlite_connection import connect_like_django
from migrate_to_pg.records import Failure, Progress
from migrate_to_pg.records.diagnosis import NotRepaired, RepairRecord
from migrate_to_pg.rules import Subject, samples
from migrate_to_pg.rules.file import integrity_check
from migrate_to_pg.rules.schema import schema_drift
from migrate_to_pg.sqlite.compare_contents import difference
from migrate_to_pg.sqlite.connection import open_snapshot, snapshot_uri
from migrate_to_pg.sqlite.snapshot import Source
from migrate_to_pg.system.clock import now
from migrate_to_pg.system.workdir import WorkDirectory

#: Schema name of the backup, attached to the repairing connection.
BACKUP = "migrate_to_pg_backup"
#: How long a reader may delay the restore.
_RESTORE_TIMEOUT_SECONDS = 30.0


def make_backup(source: Source, database: sqlite3.Connection) -> Path:
    """Copy the database while ``database`` holds its write lock, and compare. The copy stays attached as BACKUP.

    The copy gets its permanent name only when it is known to be complete.
    """
    name = f"{source.path.name}.backup-{now():%Y%m%d-%H%M%S}"
    candidates = [source.path.with_name(name), *(source.path.with_name(f"{name}-{n}") for n in range(2, 1000))]
    path = next(candidate for candidate in candidates if not candidate.exists())
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        source.copy(unfinished)
        unfinished.chmod(source.path.stat().st_mode & 0o600)
        database.execute(f"ATTACH ? AS {BACKUP}", [snapshot_uri(unfinished)])
        _require_same(source.path, difference(database, BACKUP))
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return unfinished.rename(path)


def _require_same(path: Path, differs: str) -> None:
    if differs:
        raise RepairError(
            _("The backup of {path} is not the same as the database: {differs}.", path=path, differs=differs),
            remedy=_("Nothing was changed. Look at the disk that the database is on."),
        )


def restore(database: sqlite3.Connection, backup: Path) -> None:
    """Copy the backup back, all pages in one SQLite transaction, and compare again."""
    deadline = time.monotonic() + _RESTORE_TIMEOUT_SECONDS

    def on_progress(*_: int) -> None:
        # Python itself would retry for ever.
        if time.monotonic() > deadline:
            raise sqlite3.OperationalError("database is locked")

    with closing(open_snapshot(backup)) as source:
        source.backup(database, pages=-1, progress=on_progress)
    differs = difference(database, BACKUP)
    if differs:
        raise sqlite3.DatabaseError(_("after the restore, {differs} is not as in the backup", differs=differs))


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
        self.before = Examination()
        #: The examination after the repair. None where the database is unchanged.
        self.after: Examination | None = None

    def run(self) -> RepairRecord:
        """Repair, or leave the database unchanged. Record errors of SQLite and of the database's state."""
        failure: Failure | None = None
        try:
            self._run()
        except MigrateToPgError as error:
            failure = Failure(
                message=str(error), detail=error.detail, remedy=error.remedy, exit_status=RepairError.exit_status
            )
        except (sqlite3.Error, OSError, UnicodeEncodeError) as error:
            failure = Failure(
                message=_("The repair was given up: {error}.", error=error),
                detail=(),
                remedy=_("The database is unchanged: SQLite rolled everything back."),
                exit_status=RepairError.exit_status,
            )
        except KeyboardInterrupt:
            raise RepairError(
                _("Interrupted; the repair was committed already, and was not examined again.")
                if self.committed and not self.restored
                else _("Interrupted; the database is unchanged."),
                detail=[_("Backup: {backup_name}", backup_name=self._backup_name)] if self._backup_name else [],
            ) from None
        holds = self.committed and not self.restored
        return RepairRecord(
            backup=self._backup_name,
            repaired=tuple(done for step in self.steps for done in step.repaired()) if holds else (),
            not_repaired=(*self.refused, *(self._left_to_rebuild() if failure is None else ())),
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
                    # Steps that fail on the copy are left out.
                    self._rehearse()
                    if self.steps:
                        after = self._examine(self._copy)
                        regressions.require_none(self._all_regressions(after))
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
        self.before = self._examine(self._copy)
        catalog, plan, expected = self.before.catalog, self.before.plan, self.before.expected
        damaged = [finding for finding in self.before.findings if finding.rule in _BEYOND_REPAIR]
        if damaged or catalog is None or plan is None or expected is None:
            raise RepairError(
                _("{path} is damaged: what is read from it cannot be trusted, so nothing was changed.", path=self.path),
                detail=[line for finding in damaged for line in finding.explanation.splitlines()],
                remedy=_(integrity_check.RULE.remedy),
            )
        with samples.connect(self._copy, time_zone=self.choice.time_zone) as found:
            decision = RepairPlan(
                subject=Subject(plan=plan, catalog=catalog, database=found),
                findings=self.before.findings,
                accepted=self.accepted,
                reference=make_reference(expected.schema, expected.registry),
                complaint=expected.schema.complaint,
            )
            for step in decision.steps():
                (self.refused if isinstance(step, NotRepaired) else self.steps).append(step)  # type: ignore[arg-type]

    def _examine(self, copy: Path) -> Examination:
        return examine_copy(self.choice, copy, self.progress, expected=self.before.expected)

    def _rehearse(self) -> None:
        """Repair the copy."""
        with stage(self.progress, "rehearsal"), connect_like_django(self.choice, self._copy) as database:
            prepare(database)
            database.execute("BEGIN IMMEDIATE")
            known = read_integrity(database)
            remaining = (step.remaining(database) if isinstance(step, CreateIndexes) else step for step in self.steps)
            self.steps = [step for step in remaining if step and self._can_apply(database, step)]
            check_integrity(known, read_integrity(database))
            database.execute("COMMIT")

    def _can_apply(self, database: sqlite3.Connection, step: Step) -> bool:
        """Apply a step, and return whether that worked. A step that fails changes nothing and is refused."""
        database.execute("SAVEPOINT step")
        try:
            step.apply(database)
        except (sqlite3.Error, UnicodeEncodeError) as error:
            database.execute("ROLLBACK TO step")
            failed = (
                NotRepaired(rule=repair.rule, table=repair.table, reason=str(error)) for repair in step.repaired()
            )
            self.refused += failed
            return False
        finally:
            database.execute("RELEASE step")
        return True

    def _left_to_rebuild(self) -> Iterator[NotRepaired]:
        """Yield the tables that are still not as the migrations make them."""
        refused = {(left.rule, left.table) for left in self.refused}
        for finding in (self.after or self.before).findings:
            if finding.rule == _DRIFT and _DRIFT in self.accepted and (finding.rule, finding.table) not in refused:
                reason = _("the table has to be made anew, in a new file: --rebuild NEW")
                yield NotRepaired(rule=finding.rule, table=finding.table, column=finding.column, reason=reason)

    def _repair(self, database: sqlite3.Connection) -> None:
        """Repeat the steps on the database, and commit where the result is the same."""
        with stage(self.progress, "repair"):
            known = read_integrity(database)
            for step in self.steps:
                step.apply(database)
            check_integrity(known, read_integrity(database))
            database.execute(f"ATTACH ? AS {_REHEARSED}", [snapshot_uri(self._copy)])
            differs = difference(database, _REHEARSED)
            if differs:
                regressions.require_none(
                    [_("{differs} is not the same as in the rehearsal on a copy", differs=differs)]
                )
            # While the lock is held nobody else can commit: later changes of the version are others' writes.
            self.version = _data_version(database)
            commit(database, self.path)
            self.committed = True

    def _verify_or_restore(self, source: Source, database: sqlite3.Connection) -> None:
        """Examine the database while nobody writes to it, and restore the backup for any regression."""
        with self._held(database) as unchanged:
            fresh = self._copy.with_name(f"{self._copy.name}.after")
            try:
                source.copy(fresh)
            except (MigrateToPgError, sqlite3.Error, OSError) as error:
                found = [str(error)]
            else:
                self.after = self._examine(fresh)
                found = self._all_regressions(self.after)
        if found and not unchanged:
            raise RepairError(
                _(
                    "{path} was written to by others right after the repair; the backup was not restored.",
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

    def _all_regressions(self, after: Examination) -> list[str]:
        return regressions.find_regressions(self.before.findings, after.findings, self.steps)

    def _restore(self, database: sqlite3.Connection, found: list[str]) -> None:
        try:
            with stage(self.progress, "restore"):
                restore(database, self.backup)
        except sqlite3.Error as error:
            raise RepairError(
                _(
                    "The repair did not give the expected result, and the backup could not be restored: {error}.",
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
_DRIFT = schema_drift.RULE.id


def _data_version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA data_version").fetchone()[0])
