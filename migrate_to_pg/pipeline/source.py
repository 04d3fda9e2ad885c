"""Open the source, copy it, read what the copy holds, and plan the move of its tables."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Collection, Iterable
from contextlib import ExitStack
from dataclasses import replace

from migrate_to_pg.dumpfile import DumpedSource
from migrate_to_pg.errors import MigrationStateError, SourceError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.pipeline.dump import with_dump_settings
from migrate_to_pg.pipeline.next_steps import estimate
from migrate_to_pg.pipeline.run import Run
from migrate_to_pg.planning import exact_decimals, read_source
from migrate_to_pg.planning.derived_columns import leave_out_derived
from migrate_to_pg.planning.exclude import exclude
from migrate_to_pg.planning.planner import as_leftovers, plan_project
from migrate_to_pg.planning.scratch_schema import SqliteSchema, learn
from migrate_to_pg.project.default_source import remember_source
from migrate_to_pg.project.migration_files import has_migrations
from migrate_to_pg.project.secrets_of_source import learn_secrets
from migrate_to_pg.project.sqlite_connection import registrations
from migrate_to_pg.records import ExcludedTable, Leftovers, Plan, Snapshot, SourceCatalog, TargetTable
from migrate_to_pg.rules.run_findings import bytes_not_read, written_at_start
from migrate_to_pg.sqlite import source_files
from migrate_to_pg.sqlite.missing_functions import set_project_registrations
from migrate_to_pg.sqlite.snapshot import Source
from migrate_to_pg.sqlite.source_files import require_space

logger = logging.getLogger(__name__)


def open_source(run: Run, stack: ExitStack) -> Source | DumpedSource:
    """Open the SQLite database, or validate the dump that takes its place, until ``stack`` is left.

    When it is left, writers that waited may go on, and the report says whether anybody wrote meanwhile.
    """
    if run.options.from_dump is None:
        source: Source | DumpedSource = stack.enter_context(Source(run.source_choice.path))
    else:
        with run.stage("validate"):
            source = stack.enter_context(DumpedSource(run.options.from_dump, run.progress))
            run.source_choice = with_dump_settings(run.source_choice, source.manifest)
            set_project_registrations(registrations(run.source_choice))
    stack.callback(_recheck, run, source)
    return source


def begin(run: Run, source: Source | DumpedSource, stack: ExitStack) -> None:
    """Ask for the space that a run needs, and say how long it may take."""
    if isinstance(source, Source) and run.options.lock_source:
        stack.callback(_release_lock, run, source)
    require_space(run.workdir.directory, source.size)
    tables, migrations = source.counts() if isinstance(source, Source) else (0, 0)
    run.note(estimate(source.size, tables, migrations, start=run.state.stages.get("start", 0)))
    if source_files.changed_since(run.source_choice.path):
        run.state.notes += (written_at_start(),)


def take_snapshot(run: Run, source: Source | DumpedSource, *, checksums: bool = True) -> Snapshot:
    """Copy the source consistently, for as long as the run goes on.

    Without ``checksums``, ``add_checksums`` is to follow: it can work beside the next stages.
    """
    with run.stage("snapshot"):
        if isinstance(source, Source) and run.options.lock_source:
            source.lock()
        snapshot = source.copy_pages(run.workdir.unfinished)
        run.state.record_source(snapshot=snapshot)
        if checksums:
            snapshot = add_checksums(run, source, snapshot)
    if isinstance(source, Source):
        run.state.notes += tuple(map(bytes_not_read, source.unread))
        if run.options.trial is None:
            remember_source(run.options.mode, source.path, run.source_choice.chosen, run.state.started)
    return snapshot


def add_checksums(run: Run, source: Source | DumpedSource, snapshot: Snapshot) -> Snapshot:
    """Wait until the disk has the snapshot, and record it with its checksums."""
    snapshot = source.with_checksums(snapshot)
    logger.info("the snapshot has %d bytes; the source's SHA-256 is %s", snapshot.size, snapshot.source_sha256)
    run.state.record_source(snapshot=snapshot)
    return snapshot


def keep_snapshot(run: Run) -> None:
    """Keep the snapshot, and the journal of repairs, beside the report."""
    if run.state.source.snapshot:
        kept = run.workdir.keep_snapshot(run.state.source.snapshot.sha256)
        run.state.record_source(recorded_snapshot=str(kept))
    if run.state.examined.repairs:
        run.state.record_source(recorded_journal=str(run.workdir.keep_journal()))


def read_catalog(run: Run, snapshot: Snapshot) -> SourceCatalog:
    """Read the tables of the snapshot. Raises MigrationStateError where they are not a Django project's."""
    catalog = read_source(snapshot.path, original=snapshot.source)
    learn_secrets(snapshot.path)
    if not catalog.applied_migrations and has_migrations():
        raise MigrationStateError(
            _(
                "{source} records no applied migration: it is not the database of a Django project, or its table"
                " django_migrations was emptied.",
                source=snapshot.source,
            ),
            detail=[_("It holds {tables}.", tables=pluralize(len(catalog.tables), "table", "tables"))],
            remedy=_(
                "Name the database that the application uses with --source; if it is this one, record what it"
                " has with manage.py migrate --fake."
            ),
        )
    run.state.record_source(catalog=catalog)
    return catalog


def learn_schema(run: Run, catalog: SourceCatalog) -> SqliteSchema:
    """Learn what the applied migrations make on SQLite."""
    names = [table.name for table in catalog.tables]
    return learn(run.source_choice, run.registry, names, run.progress)


def plan_run(
    run: Run,
    catalog: SourceCatalog,
    tables: Iterable[TargetTable],
    views: Collection[str] = (),
    schema: SqliteSchema | None = None,
) -> Plan:
    """Plan the project with the options of the run, without tables whose rows are not wanted.

    Args:
        run: the options, and the project's models.
        catalog: the tables of SQLite.
        tables: the tables of PostgreSQL.
        views: the names of PostgreSQL's views, where there is a server.
        schema: what the applied migrations make on SQLite, where it was learnt.
    """
    plan = plan_project(
        run.registry,
        catalog,
        map(exact_decimals, tables) if run.options.exact_decimals else tables,
        time_zone=run.source_choice.time_zone,
        views=views,
        schema=schema,
    )
    # Once it is published, somebody may have put such a table where the model looks for it.
    moving = run.options.mode != "verify_only"
    plan = as_leftovers(plan, run.options.as_leftovers, must_be_there=moving)
    copies = run.options.leftovers is Leftovers.COPY
    plan = exclude(leave_out_derived(plan), run.options.exclude_data, leftovers=copies)
    excluded = tuple(ExcludedTable(name=table.name, rows=table.source.rows) for table in plan.excluded)
    run.state.record_loaded(excluded=excluded)
    return plan


def _recheck(run: Run, source: Source | DumpedSource) -> None:
    """Record at the end whether anybody wrote to the source meanwhile."""
    # Where nobody can tell any more, the hash at the end still does.
    with contextlib.suppress(sqlite3.Error, SourceError):
        run.state.record_source(changed=run.state.source.snapshot is not None and source.has_changed())
    if run.state.source.snapshot and isinstance(source, Source):
        run.state.record_source(replaced=source.file_problem())
        if run.state.source.replaced and not run.state.source.recorded_snapshot:
            # It may be the only complete copy that is left.
            kept = run.workdir.keep_snapshot(run.state.source.snapshot.sha256)
            run.state.record_source(recorded_snapshot=str(kept))


def _release_lock(run: Run, source: Source) -> None:
    """Let writers go on. What they write now is in SQLite alone, and is reported."""
    source.release_lock()
    snapshot = run.state.source.snapshot
    with contextlib.suppress(sqlite3.Error):
        if run.state.published.publication and snapshot and source.has_changed():
            changes = source.changes(replace(snapshot, path=run.workdir.snapshot))
            run.state.record_source(left_behind=changes)
