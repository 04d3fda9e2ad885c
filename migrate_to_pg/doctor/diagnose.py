"""Diagnose a SQLite database: every fault that migrate_to_pg finds, and those of SQLite itself.

The source is only ever opened ``mode=ro``, for its snapshot. All checks run on that copy, which is removed. The write
probe runs last, because it writes to the copy. All its changes are rolled back.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import django.db

from migrate_to_pg.doctor.doctor_checks import declared_key_findings, migration_findings, probe
from migrate_to_pg.doctor.file_state import (
    file_findings,
    hot_journal_finding,
    lock_finding,
    page_facts,
    read_file_state,
)
from migrate_to_pg.doctor.repair.choose_repairs import repairable
from migrate_to_pg.errors import MigrationStateError, SourceError, UsageError
from migrate_to_pg.examine import examine
from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.planning import read_source
from migrate_to_pg.planning.derived_columns import leave_out_derived
from migrate_to_pg.planning.expected_schema import expected_tables
from migrate_to_pg.planning.planner import plan_project
from migrate_to_pg.planning.scratch_schema import SqliteSchema, learn
from migrate_to_pg.project.registry import Registry
from migrate_to_pg.project.secrets_of_source import learn_secrets
from migrate_to_pg.project.source_database import SourceChoice, choose_source
from migrate_to_pg.project.sqlite_connection import connect_like_django, registrations
from migrate_to_pg.records import Event, Finding, Level, Plan, Progress, SourceCatalog, TargetTable
from migrate_to_pg.records.diagnosis import Diagnosis, FileState, PageFacts
from migrate_to_pg.rules.doctor_findings import INCONSISTENT, NO_ROOM, UNREADABLE
from migrate_to_pg.rules.file import integrity_check
from migrate_to_pg.rules.run_findings import bytes_not_read
from migrate_to_pg.sqlite.missing_functions import set_project_registrations
from migrate_to_pg.sqlite.snapshot import Source
from migrate_to_pg.sqlite.source_files import require_database, require_space
from migrate_to_pg.system.workdir import WorkDirectory


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a project's migrations make, which several examinations of one database share."""

    #: The tables that the database has.
    tables: Sequence[str]
    registry: Registry
    #: On SQLite.
    schema: SqliteSchema
    #: On PostgreSQL.
    targets: Sequence[TargetTable]


@dataclass(kw_only=True)
class Examination:
    """The results so far, however far the examination came."""

    findings: list[Finding] = field(default_factory=list)
    pages: PageFacts | None = None
    catalog: SourceCatalog | None = None
    plan: Plan | None = None
    expected: Expected | None = None

    def add(self, findings: Iterable[Finding]) -> None:
        """Add findings."""
        self.findings.extend(list(findings))


def examine_copy(
    choice: SourceChoice, copy: Path, progress: Progress, *, expected: Expected | None = None
) -> Examination:
    """Run every check. Where SQLite gives up, that is a finding and the remaining checks are left out.

    ``expected`` is of an earlier examination, and is taken where the migrations and the tables are still the same.
    """
    examination = Examination(expected=expected)
    set_project_registrations(registrations(choice))
    try:
        _run_checks(choice, copy, progress, examination)
    except MigrationStateError as error:
        examination.add([INCONSISTENT.finding(table="django_migrations", explanation=str(error), remedy=error.remedy)])
    except (SourceError, sqlite3.Error, django.db.Error) as error:
        examination.add([unreadable_finding(error)])
    return examination


def _run_checks(choice: SourceChoice, copy: Path, progress: Progress, examination: Examination) -> None:
    examination.pages = page_facts(copy)
    with stage(progress, "integrity"), connect_like_django(choice, copy) as database:
        examination.add(integrity_check.findings(database, integrity_check.WHOLE))
    with stage(progress, "catalog"):
        catalog = examination.catalog = read_source(copy, original=choice.path)
        learn_secrets(copy)
        examination.add(migration_findings(catalog.applied_migrations))
    with stage(progress, "examine"):
        expected = examination.expected = _expected(choice, catalog, progress, examination.expected)
        plan = plan_project(
            expected.registry, catalog, expected.targets, time_zone=choice.time_zone, schema=expected.schema
        )
        plan = examination.plan = replace(leave_out_derived(plan), offline=True)
        found = examine(plan, catalog, copy, accepted=frozenset(), progress=progress, original=choice.path)
        # Checked above, with the application's functions registered.
        examination.add(finding for finding in found if finding.rule != integrity_check.RULE.id)
        examination.add(declared_key_findings(copy, catalog, examination.findings))
    with stage(progress, "probe"), connect_like_django(choice, copy) as database:
        # A write to a leftover table fails where SQLite lacks something, which is a finding already.
        reported = {table.name for table in plan.leftovers} & {lacking.table for lacking in catalog.lacking}
        probed = (table for table in catalog.tables if not table.unreadable and table.name not in reported)
        examination.add(probe(database, replace(catalog, tables=tuple(probed))))


def _expected(choice: SourceChoice, catalog: SourceCatalog, progress: Progress, known: Expected | None) -> Expected:
    tables = [table.name for table in catalog.tables]
    if known and (known.tables, known.registry.applied) == (tables, catalog.applied_migrations):
        return known
    registry = Registry(catalog.applied_migrations, choice.alias)
    schema = learn(choice, registry, tables, progress)
    return Expected(tables=tables, registry=registry, schema=schema, targets=expected_tables(registry, schema))


@contextmanager
def stage(progress: Progress, name: str) -> Iterator[None]:
    """Report the begin and the end of a stage."""
    progress(Event(kind="stage", stage=name))
    yield
    progress(Event(kind="stage_done", stage=name))


def unreadable_finding(error: Exception) -> Finding:
    """Return SQLite's message as a finding."""
    detail = getattr(error, "detail", ())
    explanation = "\n".join([str(error), *detail, _("What comes after that was not examined.")])
    remedy = error.remedy if isinstance(error, SourceError) else ""
    return UNREADABLE.finding(table="", explanation=explanation, remedy=remedy or _(UNREADABLE.remedy))


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
        require_database(choice.path, named_with=N_("manage.py sqlite_doctor PATH"))
    except SourceError as error:
        raise UsageError(str(error), remedy=error.remedy) from error
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
    # Before anything opens the database: even a reader leaves files beside it.
    file = read_file_state(choice.path)
    try:
        require_space(place.directory, space_needed(file))
    except SourceError as error:
        finding = NO_ROOM.finding(table="", explanation=str(error), remedy=_(NO_ROOM.remedy))
        return build_diagnosis(choice, file, place, Examination(findings=[finding]))
    try:
        with stage(progress, "snapshot"), Source(choice.path, wait=_READ_TIMEOUT_SECONDS) as source:
            source.copy(place.unfinished)
            unread = source.unread
    except SourceError as error:
        now = read_file_state(choice.path)
        if "locked" in str(error):
            finding = lock_finding(now, keeps_readers_out=True)
        elif now.journal_is_hot and not now.writer:
            finding = hot_journal_finding(choice.path, str(error))
        else:
            finding = unreadable_finding(error)
        return build_diagnosis(choice, file, place, Examination(findings=[finding]))
    examination = examine_copy(choice, place.unfinished, progress)
    examination.add(map(bytes_not_read, unread))
    examination.add(file_findings(choice.path, file, read_file_state(choice.path)))
    return build_diagnosis(choice, file, place, examination)


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
        repairable=repairable(
            examination.findings, schema=not (examination.expected and examination.expected.schema.complaint)
        ),
        findings=tuple(sorted(examination.findings, key=lambda finding: finding.level is not Level.ERROR)),
    )
