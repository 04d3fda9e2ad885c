"""Move the project back: the stages in order, from PostgreSQL's tables to a new SQLite file.

What differs by engine is in the room move_back. The plan, the findings, the verification and the report are those of
the way there, where SQLite is the source and PostgreSQL the target as well.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from psycopg import sql

from migrate_to_pg.errors import MigrationStateError, ProofError, PublishError, SourceChangedError, SourceError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.leftovers import view_table_name
from migrate_to_pg.move_back.check_file import check_file
from migrate_to_pg.move_back.leftover_forms import LeftoverForms, explain, with_postgresql_columns
from migrate_to_pg.move_back.make_schema import require_made, search_indexes
from migrate_to_pg.move_back.new_file import new_file, require_free
from migrate_to_pg.pipeline.fill_file import Filled, Side, fill, pair, read_file, read_tables, with_leftovers
from migrate_to_pg.pipeline.load_leftovers import merge_verifications, report_name
from migrate_to_pg.pipeline.run import Progress, Run, no_progress
from migrate_to_pg.planning.scratch_schema import SqliteSchema, learn
from migrate_to_pg.postgres import target
from migrate_to_pg.postgres.shared_snapshot import SharedSnapshot, share_snapshot
from migrate_to_pg.project.source_database import choose_new_file
from migrate_to_pg.project.sqlite_connection import django_connection
from migrate_to_pg.project.target_database import TargetChoice, choose_target
from migrate_to_pg.publish.history import recorded_source
from migrate_to_pg.publish.written_since import changes_after
from migrate_to_pg.records import LEFTOVERS, Leftovers, MadeFile, Options, Report, SourceCatalog, Verification
from migrate_to_pg.rules import quarantined_back_rules
from migrate_to_pg.rules.back.notes import leftover_as_view, leftover_with_postgresql_columns, made_empty
from migrate_to_pg.rules.run_findings import run_findings
from migrate_to_pg.sqlite.snapshot import file_sha256
from migrate_to_pg.verify import verify_tables
from migrate_to_pg.verify.verify_leftovers import verify_leftover_tables

Connection = psycopg.Connection[Any]


def move_back(options: Options, progress: Progress = no_progress) -> Report:
    """Make a new SQLite file that holds what PostgreSQL holds now, every cell verified.

    ``options.source`` is the PostgreSQL database, ``options.target`` the file. Nothing is written to PostgreSQL, and
    nothing over a file. Returns the report, which has the file as ``made`` where the run succeeded. Raises nothing but
    a UsageError from before anything was begun.
    """
    options = replace(options, mode="move_back")
    accepted = quarantined_back_rules(options.quarantine)
    alias = options.source if options.source in settings.DATABASES else DEFAULT_DB_ALIAS
    choice = choose_new_file(options.target, alias or DEFAULT_DB_ALIAS)
    # Before an embedded server is started.
    require_free(choice.path)
    postgres = choose_target(options.source, published=True, argument="--source")
    run = Run(options, progress, choice)
    return run.execute(lambda stack: _move_back(run, postgres, accepted, stack))


def _move_back(run: Run, postgres: TargetChoice, accepted: frozenset[str], stack: ExitStack) -> None:
    """Call the stages in order. What they open is closed when ``stack`` is left."""
    conninfo = postgres.conninfo
    connection = stack.enter_context(closing(target.connect_to_read(conninfo, "--source")))
    run.state.record_target(facts=target.describe_server(connection, run.final, embedded=postgres.place))
    with run.stage("snapshot"):
        shared = _share(run, connection, stack)
    with run.stage("catalog"):
        schema = _learn(run, connection)
        forms = _leftover_forms(run, shared.connection, schema)
    file = stack.enter_context(new_file(run.source_choice.path))
    filled = fill(run, file.unfinished, shared, conninfo, schema, forms, accepted)
    with run.stage("prove"):
        _prove(run, file.unfinished, shared, conninfo, schema, forms, filled)
    left_behind = _require_current(run, shared, conninfo, filled)
    with run.stage("publish"):
        file.publish()
    run.state.made = _made(run, left_behind)


def _share(run: Run, connection: Connection, stack: ExitStack) -> SharedSnapshot:
    """Hold the present state of PostgreSQL until ``stack`` is left, and its writers where that was asked for."""
    # Conditions of rules name tables without their schema.
    path = sql.SQL("SELECT set_config('search_path', quote_ident({}) || ', ' || current_setting('search_path'), false)")
    connection.execute(path.format(sql.Literal(run.final)))
    tables = _tables(connection, run.final) if run.options.lock_source else []
    return stack.enter_context(share_snapshot(connection, tables))


def _tables(connection: Connection, *schemas: str) -> list[tuple[str, str]]:
    query = """
        SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY c.oid
    """
    return connection.execute(query, [[*schemas, LEFTOVERS]]).fetchall()


def _learn(run: Run, connection: Connection) -> SqliteSchema:
    """Learn what the migrations that PostgreSQL has applied make on SQLite."""
    there = {table for __, table in _tables(connection, run.final)}
    applied = _applied(connection, run.final) if "django_migrations" in there else ()
    if not applied:
        raise MigrationStateError(
            _("Schema {schema} records no applied migration: it is not a Django project's.", schema=run.final),
            remedy=_("Name the database that the application uses with --source, and its schema with --from-schema."),
        )
    run.state.record_source(catalog=SourceCatalog(tables=(), applied_migrations=applied))
    names = [name.source for name in run.registry.names if name.target in there]
    # Of applications without migrations the tables are made that PostgreSQL has.
    run.state.record_target(unapplied=len(run.registry.unapplied))
    schema = learn(run.source_choice, run.registry, names, run.progress)
    require_made(schema)
    return schema


def _leftover_forms(run: Run, connection: Connection, schema: SqliteSchema) -> LeftoverForms:
    """Find the leftovers that come back as they were on SQLite. A finding names each of the others."""
    targets = read_tables(run, connection, LEFTOVERS) if run.options.leftovers is Leftovers.COPY else ()
    if not targets:
        return LeftoverForms()
    forms = with_postgresql_columns(targets, _("The snapshot that tells its SQLite form is gone."))
    try:
        recorded = recorded_source(connection, run.final)
        if recorded and Path(recorded[0]).is_file():
            taken = [statement.name for statement in schema.statements]
            forms = explain(connection, targets, Path(recorded[0]), run.workdir.leftovers, taken)
    except (PublishError, SourceError, sqlite3.Error) as error:
        # A record or a snapshot that cannot be read stands in nobody's way.
        forms = with_postgresql_columns(targets, str(error))
    run.state.notes += tuple(
        leftover_with_postgresql_columns(report_name(kept.name), kept.columns, kept.reason)
        for kept in forms.unexplained
    )
    run.state.notes += tuple(leftover_as_view(report_name(view)) for view in forms.views)
    return forms


def _applied(connection: Connection, schema: str) -> tuple[tuple[str, str], ...]:
    query = sql.SQL("SELECT app::text, name::text FROM {} ORDER BY id")
    return tuple(connection.execute(query.format(sql.Identifier(schema, "django_migrations"))).fetchall())


def _prove(
    run: Run,
    path: Path,
    shared: SharedSnapshot,
    conninfo: str,
    schema: SqliteSchema,
    forms: LeftoverForms,
    filled: Filled,
) -> None:
    """Compare every cell with the same state of PostgreSQL, and let SQLite check the file.

    Args:
        run: the options, and the results so far.
        path: the file.
        shared: the state that was moved.
        conninfo: PostgreSQL.
        schema: what the migrations make.
        forms: the leftovers that come back as they were on SQLite.
        filled: what was loaded.

    Raises:
        ProofError: anything differs.
    """
    verification: Verification | None = None
    before = {side.key: side for side in filled.sides}
    # The pairs are made anew: the sizes of tables and rows are the file's.
    sides = pair(run, shared.connection, read_file(run, path), schema, forms)
    for side in sides:
        found = _verify(run, path, shared, conninfo, side, before[side.key])
        verification = merge_verifications(verification, found) if verification else found
    run.state.verification = verification
    if verification is None or not verification.holds:
        faulty = verification.faulty if verification else ()
        raise ProofError(
            _("The file does not hold what PostgreSQL holds: {faulty}.", faulty=", ".join(faulty)),
            remedy=_("No file was made. If nobody else wrote to it, please report this."),
        )
    run.state.notes += tuple(run_findings(verification))
    paired = {table.source.name for side in sides for table in side.plan.tables}
    paired |= {table.source for table in forms.tables}
    alone = (table for table in sides[0].plan.leftovers if table.name not in paired)
    run.state.notes += tuple(made_empty(alone, search_indexes(schema)))
    with django_connection(run.source_choice, path) as wrapper:
        check_file(wrapper.connection, with_leftovers(schema, forms), filled.identities)


def _verify(run: Run, path: Path, shared: SharedSnapshot, conninfo: str, side: Side, before: Side) -> Verification:
    """Compare the tables of one schema.

    Args:
        run: the options.
        path: the file.
        shared: the state that was moved.
        conninfo: PostgreSQL.
        side: the tables as they are now.
        before: the same, with the rows that were counted and left out before the load.

    Returns the verification, in which rows that are neither in the file nor left out are differences.
    """
    left_out = {
        table.name: before.left_out[table.name].condition(table)
        for table in side.plan.tables
        if table.name in before.left_out and before.left_out[table.name].keys
    }
    how: dict[str, Any] = {
        "schema": side.schema,
        "verify": run.options.verify,
        "progress": run.progress,
        "shared": shared.id,
        "left_out": left_out,
    }
    if side.joined:
        views = (path, view_table_name)
        found = verify_leftover_tables(side.plan, side.joined, path, conninfo, views=views, **how)
    else:
        found = verify_tables(side.plan, path, conninfo, **how)
    _require_all(found, before)
    return replace(found, tables=tuple(replace(table, name=side.report_name(table.name)) for table in found.tables))


def _require_all(found: Verification, before: Side) -> None:
    """Raise ProofError where a table was not compared, or its rows are not those that were counted before."""
    compared = {table.name: table.rows_target for table in found.tables}
    for name, rows in before.rows.items():
        left = len(before.left_out[name].keys) if name in before.left_out else 0
        if compared.get(name, -1) + left != rows:
            raise ProofError(
                _(
                    "Of {rows} rows of {table}, {compared} were compared and {left} are in quarantine.",
                    rows=rows,
                    table=name,
                    compared=compared.get(name, 0),
                    left=left,
                ),
                remedy=_("No file was made. Please report this."),
            )


def _require_current(run: Run, shared: SharedSnapshot, conninfo: str, filled: Filled) -> tuple[str, ...]:
    """Return a line for each table that was written to meanwhile. Raises SourceChangedError unless that is accepted."""
    names: Mapping[tuple[str, str], str] = {
        (side.schema, table.name): side.report_name(table.name) for side in filled.sides for table in side.plan.tables
    }
    with closing(target.connect_to_read(conninfo, "--source")) as now:
        changes = changes_after(shared, now, names)
    lines = tuple(f"{names[place]}: {found.description}" for place, found in changes.items())
    if lines and not run.options.accept_stale:
        raise SourceChangedError(
            _("PostgreSQL was written to after the snapshot: the file would not have these changes."),
            detail=lines,
            remedy=_(
                "Stop the application and run again, or run with --lock-source so that writers wait; --accept-stale"
                " makes the file all the same."
            ),
        )
    return lines


def _made(run: Run, left_behind: tuple[str, ...]) -> MadeFile:
    path, repairs, catalog = run.source_choice.path, run.state.examined.repairs, run.state.source.catalog
    tables = catalog.counted if catalog else ()
    return MadeFile(
        path=str(path),
        bytes=path.stat().st_size,
        sha256=file_sha256(path),
        tables=len(tables),
        rows=sum(table.rows for table in tables),
        quarantine=str(repairs.journal) if repairs else "",
        left_behind=left_behind,
    )
