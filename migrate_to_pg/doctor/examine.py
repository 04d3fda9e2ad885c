"""Run all checks of the doctor on a private copy of the database.

The write probe runs last, because it writes to the copy. All its changes are rolled back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import django.db

from migrate_to_pg.doctor.file_state import page_facts
from migrate_to_pg.doctor.foreign_key_check import declared_key_findings
from migrate_to_pg.doctor.migration_history import migration_findings
from migrate_to_pg.doctor.write_probe import probe
from migrate_to_pg.errors import MigrationStateError, SourceError
from migrate_to_pg.examine import examine
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.planning import read_source
from migrate_to_pg.planning.derived_columns import leave_out_derived
from migrate_to_pg.planning.expected_schema import expected_tables
from migrate_to_pg.planning.planner import plan_of
from migrate_to_pg.planning.scratch_schema import SqliteSchema, learn
from migrate_to_pg.project.databases import SourceChoice
from migrate_to_pg.project.registry import Registry
from migrate_to_pg.project.sqlite_connection import connect_like_django, registrations
from migrate_to_pg.records import Event, Finding, Plan, SourceCatalog
from migrate_to_pg.records.diagnosis import PageFacts
from migrate_to_pg.rules.doctor_findings import INCONSISTENT, UNREADABLE
from migrate_to_pg.rules.file import integrity_check
from migrate_to_pg.sqlite.missing_functions import set_project_registrations

Progress = Callable[[Event], None]


@dataclass(kw_only=True)
class Examination:
    """The results so far, however far the examination came."""

    findings: list[Finding] = field(default_factory=list)
    pages: PageFacts | None = None
    catalog: SourceCatalog | None = None
    plan: Plan | None = None
    #: The schema that the migrations make on SQLite.
    schema: SqliteSchema = field(default_factory=SqliteSchema)

    def add(self, findings: Iterable[Finding]) -> None:
        """Add findings."""
        self.findings.extend(list(findings))


def examine_copy(choice: SourceChoice, copy: Path, progress: Progress) -> Examination:
    """Run every check. Where SQLite gives up, that is a finding and the remaining checks are left out."""
    examination = Examination()
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
        examination.add(migration_findings(catalog.applied_migrations))
    with stage(progress, "examine"):
        schema = examination.schema = learn(
            choice, catalog.applied_migrations, [table.name for table in catalog.tables], progress
        )
        plan = examination.plan = _plan(choice, catalog, schema)
        found = examine(plan, catalog, copy, accepted=frozenset(), progress=progress, original=choice.path)
        # Checked above, with the application's functions registered.
        examination.add(finding for finding in found if finding.rule != integrity_check.RULE.id)
        examination.add(declared_key_findings(copy, catalog, examination.findings))
    with stage(progress, "probe"), connect_like_django(choice, copy) as database:
        # A write to a leftover table fails where SQLite lacks something, which is a finding already.
        reported = {table.name for table in plan.leftovers} & {lacking.table for lacking in catalog.lacking}
        probed = (table for table in catalog.tables if not table.unreadable and table.name not in reported)
        examination.add(probe(database, replace(catalog, tables=tuple(probed))))


def _plan(choice: SourceChoice, catalog: SourceCatalog, schema: SqliteSchema) -> Plan:
    registry = Registry(catalog.applied_migrations, choice.alias)
    targets = expected_tables(registry, schema)
    plan = plan_of(registry, catalog, targets, time_zone=choice.time_zone, schema=schema)
    return replace(leave_out_derived(plan), offline=True)


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
