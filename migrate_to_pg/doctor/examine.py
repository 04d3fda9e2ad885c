"""A private copy of a database in, everything that is wrong in it out: what the doctor asks a snapshot.

The write probe is the last to use the copy, so that it may write there; all of it is rolled back.
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
class Checkup:
    """What was found out so far, however far it went."""

    findings: list[Finding] = field(default_factory=list)
    pages: PageFacts | None = None
    catalog: SourceCatalog | None = None
    plan: Plan | None = None
    #: What the migrations make on SQLite.
    schema: SqliteSchema = field(default_factory=SqliteSchema)

    def add(self, findings: Iterable[Finding]) -> None:
        """Note what was found."""
        self.findings.extend(list(findings))


def check_up(choice: SourceChoice, copy: Path, progress: Progress) -> Checkup:
    """Each part adds what it finds; where SQLite gives up, that is a finding and the rest is left out."""
    checkup = Checkup()
    set_project_registrations(registrations(choice))
    try:
        _ask(choice, copy, progress, checkup)
    except MigrationStateError as error:
        checkup.add([INCONSISTENT.finding(table="django_migrations", explanation=str(error), remedy=error.remedy)])
    except (SourceError, sqlite3.Error, django.db.Error) as error:
        checkup.add([unreadable(error)])
    return checkup


def _ask(choice: SourceChoice, copy: Path, progress: Progress, checkup: Checkup) -> None:
    checkup.pages = page_facts(copy)
    with stage(progress, "integrity"), connect_like_django(choice, copy) as database:
        checkup.add(integrity_check.findings(database, integrity_check.WHOLE))
    with stage(progress, "catalog"):
        catalog = checkup.catalog = read_source(copy, original=choice.path)
        checkup.add(migration_findings(catalog.applied_migrations))
    with stage(progress, "examine"):
        schema = checkup.schema = learn(
            choice, catalog.applied_migrations, [table.name for table in catalog.tables], progress
        )
        plan = checkup.plan = _plan(choice, catalog, schema)
        found = examine(plan, catalog, copy, accepted=frozenset(), progress=progress, original=choice.path)
        # Asked above, with the application's functions at hand.
        checkup.add(finding for finding in found if finding.rule != integrity_check.RULE.id)
        checkup.add(declared_key_findings(copy, catalog, checkup.findings))
    with stage(progress, "probe"), connect_like_django(choice, copy) as database:
        leftovers = {table.name for table in plan.leftovers}
        tried = [
            t for t in catalog.tables if not t.unreadable and not (t.name in leftovers and _lacks(catalog, t.name))
        ]
        checkup.add(probe(database, replace(catalog, tables=tuple(tried))))


def _plan(choice: SourceChoice, catalog: SourceCatalog, schema: SqliteSchema) -> Plan:
    registry = Registry(catalog.applied_migrations, choice.alias)
    targets = expected_tables(registry, schema)
    plan = plan_of(registry, catalog, targets, time_zone=choice.time_zone, schema=schema)
    return replace(leave_out_derived(plan), promised=True)


def _lacks(catalog: SourceCatalog, table: str) -> bool:
    """Whether SQLite lacks what is needed to write a table: that it fails then is told already."""
    return any(lacking.table == table for lacking in catalog.lacking)


@contextmanager
def stage(progress: Progress, name: str) -> Iterator[None]:
    """Tell when a stage begins and when it ends."""
    progress(Event(kind="stage", stage=name))
    yield
    progress(Event(kind="stage_done", stage=name))


def unreadable(error: Exception) -> Finding:
    """SQLite's own words, where it gave up."""
    detail = getattr(error, "detail", ())
    explanation = "\n".join([str(error), *detail, _("What comes after that was not examined.")])
    remedy = error.remedy if isinstance(error, SourceError) else ""
    return UNREADABLE.finding(table="", explanation=explanation, remedy=remedy or _(UNREADABLE.remedy))
