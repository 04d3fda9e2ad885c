"""Load the tables that no migration knows into a second staging schema, and verify them there.

They go through the stages of all tables, with a plan of their own. A load that was interrupted is not resumed here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from migrate_to_pg import leftovers, staging
from migrate_to_pg.errors import LoadError, RefusedRowsError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.load import load
from migrate_to_pg.pipeline.run import Run
from migrate_to_pg.pipeline.stage_tables import Staged, has_leftovers
from migrate_to_pg.planning import read_target
from migrate_to_pg.postgres import target
from migrate_to_pg.postgres.schema_digest import ObjectDefinition, read_definitions
from migrate_to_pg.records import (
    LEFTOVERS,
    LEFTOVERS_INCOMING,
    Difference,
    ExcludedTable,
    LeftoverTable,
    LoadedTable,
    Options,
    Plan,
    PlannedTable,
    Progress,
    Snapshot,
    SourceCatalog,
    TargetTable,
    Verification,
    VerifiedTable,
)
from migrate_to_pg.rules.schema import leftover_table
from migrate_to_pg.rules.schema.not_carried import new_unread_views
from migrate_to_pg.sqlite.source_files import require_space
from migrate_to_pg.verify.schema import require_described, require_validated
from migrate_to_pg.verify.verify_leftovers import verify_leftover_tables

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftoversLoad:
    """The leftover tables that were loaded, and the schema that holds them."""

    tables: tuple[LeftoverTable, ...]
    plan: Plan
    loaded: tuple[LoadedTable, ...]
    #: The working file, and the schema as it was made.
    path: Path
    made: frozenset[ObjectDefinition]
    #: View -> why SQLite cannot read it.
    unread: dict[str, str]
    #: Table that stays behind -> the number of columns that it would have, too many for PostgreSQL.
    wide: dict[str, int]


def load_leftovers_of(run: Run, staged: Staged, catalog: SourceCatalog, snapshot: Snapshot) -> LeftoversLoad | None:
    """Load the leftovers of a run, and record what was loaded and left out. Return None where there are none."""
    if not has_leftovers(run, staged.plan):
        return None
    if run.options.export:
        run.note(_("The archive of --export holds nothing of schema {schema}.", schema=LEFTOVERS))
    with run.stage("leftovers"):
        require_space(run.workdir.directory, leftovers.size(staged.plan, snapshot.size))
        loaded = _load(run, staged, catalog, snapshot)
    state = run.state
    # What was made and stays empty is reported with the rows that SQLite has.
    rows = {table.name: table.rows for table in catalog.tables}
    excluded = (ExcludedTable(name=one.place, rows=rows[one.source]) for one in loaded.tables if one.excluded)
    state.record_loaded(tables=(*state.loaded.tables, *loaded.loaded), excluded=(*state.loaded.excluded, *excluded))
    state.notes += new_unread_views(loaded.unread, state.examined.findings)
    state.notes += leftover_table.too_wide(staged.plan, loaded.wide, state.examined.findings)
    return loaded


def _load(run: Run, staged: Staged, catalog: SourceCatalog, snapshot: Snapshot) -> LeftoversLoad:
    """Make the schema of the leftovers and fill it."""
    plan, path = staged.plan, run.workdir.leftovers
    connection, conninfo = staged.target.connection, staged.target.conninfo
    options, progress = run.options, run.progress
    found = leftovers.extract(plan, catalog, snapshot.path, path)
    target.create_schema(connection, LEFTOVERS_INCOMING)
    leftovers.make_tables(connection, LEFTOVERS_INCOMING, found.tables)
    there = read_target(connection, LEFTOVERS_INCOMING)
    own = leftovers.plan_for(found.tables, there, source_time_zone=plan.source_time_zone)
    made = read_definitions(connection, LEFTOVERS_INCOMING)
    aside = staging.drop_objects(connection, LEFTOVERS_INCOMING)
    try:
        loaded = load(own, path, conninfo, schema=LEFTOVERS_INCOMING, progress=progress, jobs=options.jobs)
    except RefusedRowsError as error:
        # Their types fit every value: what is met is a limit of PostgreSQL's, mostly that of a row's size.
        raise LoadError(
            str(error),
            detail=error.detail,
            remedy=_(
                "No migration makes {names}: leave the rows out with --exclude-data {names}, or all such tables with"
                " --leftovers skip; the snapshot keeps them.",
                names=",".join(error.tables),
            ),
        ) from error
    rows = {table.name: table.rows for table in loaded}
    views = {table.name for table in found.tables if table.is_view}
    staging.restore(
        connection,
        LEFTOVERS_INCOMING,
        aside,
        progress,
        builders=staging.Builders(conninfo=conninfo, count=options.jobs),
        rows=lambda name: rows.get(name, 0),
    )
    staging.validate(connection, LEFTOVERS_INCOMING, aside, own)
    return LeftoversLoad(
        tables=found.tables,
        plan=own,
        loaded=tuple(replace(table, name=report_name(table.name), of_view=table.name in views) for table in loaded),
        path=path,
        made=made,
        unread=found.unread,
        wide=found.wide,
    )


def published_leftovers(
    targets: Iterable[TargetTable], plan: Plan, catalog: SourceCatalog, snapshot: Snapshot, path: Path
) -> LeftoversLoad:
    """Return the published leftovers with the rows that they should hold, of the tables that still exist."""
    found = leftovers.extract(plan, catalog, snapshot.path, path)
    own = leftovers.plan_for(found.tables, targets, source_time_zone=plan.source_time_zone)
    return LeftoversLoad(
        tables=found.tables, plan=own, loaded=(), path=path, made=frozenset(), unread=found.unread, wide=found.wide
    )


def check_schema(connection: Connection, carried: LeftoversLoad) -> None:
    """Check that the schema is as it was made. Raises VerificationError."""
    require_described(connection, LEFTOVERS_INCOMING, carried.made)
    require_validated(connection, LEFTOVERS_INCOMING)


def verify_leftovers(
    carried: LeftoversLoad, snapshot: Path, conninfo: str, options: Options, progress: Progress, *, schema: str
) -> Verification:
    """Verify those tables, under the names that reports give them."""
    found = verify_leftover_tables(
        carried.plan,
        carried.tables,
        snapshot,
        conninfo,
        schema=schema,
        verify=options.verify,
        progress=progress,
        views=(carried.path, leftovers.view_table_name),
    )
    planned = {table.name: table for table in carried.plan.tables}
    views = {table.name for table in carried.tables if table.is_view}
    compared = (replace(_add_missing_columns(t, planned[t.name]), of_view=t.name in views) for t in found.tables)
    return replace(found, tables=tuple(map(_placed, compared)))


def without_volatile_views(
    verification: Verification, carried: LeftoversLoad, catalog: SourceCatalog
) -> tuple[Verification, tuple[VerifiedTable, ...]]:
    """Return the verification without the views that differ but give other rows each time, and these views."""
    moved = {t.place for t in carried.tables if t.is_view and leftovers.is_volatile(t.source, catalog.views)}
    others = tuple(table for table in verification.tables if table.differences and table.name in moved)
    return replace(verification, tables=tuple(table for table in verification.tables if table not in others)), others


def merge_verifications(verification: Verification, other: Verification) -> Verification:
    """Return both verifications as one."""
    return replace(verification, tables=(*verification.tables, *other.tables))


def _add_missing_columns(verified: VerifiedTable, table: PlannedTable) -> VerifiedTable:
    """Add a difference for each column that only one side has: the verification compares those of both."""
    lacking: list[tuple[str, str | None, str | None]] = [(c.name, c.name, None) for c in table.only_source]
    lacking += [(column.name, None, column.name) for column in table.only_target]
    samples = tuple(
        Difference(table=table.name, key={}, column=column, kind="changed", source=source, target=target)
        for column, source, target in lacking
    )
    return replace(verified, differences=verified.differences + len(samples), samples=(*verified.samples, *samples))


def _placed(table: VerifiedTable) -> VerifiedTable:
    name = report_name(table.name)
    return replace(table, name=name, samples=tuple(replace(sample, table=name) for sample in table.samples))


def report_name(name: str) -> str:
    """Return the name that reports give a leftover table."""
    return f"{LEFTOVERS}.{name}"
