"""Move the project back: the stages in order, from PostgreSQL's tables to a new SQLite file.

What differs by engine is in the room move_back. The plan, the findings, the verification and the report are those of
the way there, where SQLite is the source and PostgreSQL the target as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS

from migrate_to_pg.errors import SourceChangedError, TargetError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.move_back.new_file import new_file, remove_stale, require_free
from migrate_to_pg.pipeline.before_move import lacking, old_file
from migrate_to_pg.pipeline.file_schema import learn_schema, leftover_forms, tables_of
from migrate_to_pg.pipeline.fill_file import Filled, MovedState, fill, read_tables
from migrate_to_pg.pipeline.run import Run, no_progress
from migrate_to_pg.pipeline.verify_file import verify_file
from migrate_to_pg.postgres import target
from migrate_to_pg.postgres.readable import require_readable
from migrate_to_pg.postgres.shared_snapshot import SharedSnapshot, replaced_since, share_snapshot
from migrate_to_pg.project.secrets_of_source import require_known_secrets
from migrate_to_pg.project.source_database import SourceChoice, choose_new_file
from migrate_to_pg.project.target_database import TargetChoice, choose_target
from migrate_to_pg.publish.transaction import READERS, lock_holders
from migrate_to_pg.publish.written_since import changes_after
from migrate_to_pg.records import LEFTOVERS, Leftovers, MadeFile, Options, Progress, Report
from migrate_to_pg.rules import quarantined_back_rules
from migrate_to_pg.sqlite.checksums import file_sha256

Connection = psycopg.Connection[Any]

_OIDS = "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY (%s)"


def move_back(
    options: Options,
    progress: Progress = no_progress,
    *,
    choice: SourceChoice | None = None,
    finish: Callable[[Path], None] = lambda _: None,
) -> Report:
    """Make a new SQLite file that holds what PostgreSQL holds now, every cell verified.

    Nothing is written to PostgreSQL, and nothing over a file.

    Args:
        options: ``source`` is the PostgreSQL database, ``target`` the file.
        progress: is given each event.
        choice: the file, where ``options`` do not name it.
        finish: is called with the verified file before it gets its name, and may add to it or raise.

    Returns the report, which has the file as ``made`` where the run succeeded. Raises nothing but a UsageError from
    before anything was begun.
    """
    options = replace(options, mode="move_back")
    accepted = quarantined_back_rules(options.quarantine)
    alias = options.source if options.source in settings.DATABASES else DEFAULT_DB_ALIAS
    choice = choice or choose_new_file(options.target, alias or DEFAULT_DB_ALIAS)
    # Before an embedded server is started.
    remove_stale(choice.path)
    require_free(choice.path)
    postgres = choose_target(options.source, published=True, argument="--source")
    run = Run(options, progress, choice)
    return run.execute(lambda stack: _move_back(run, postgres, accepted, finish, stack))


def _move_back(
    run: Run, postgres: TargetChoice, accepted: frozenset[str], finish: Callable[[Path], None], stack: ExitStack
) -> None:
    """Call the stages in order. What they open is closed when ``stack`` is left."""
    conninfo = postgres.conninfo
    connection = stack.enter_context(closing(target.connect_to_read(conninfo, "--source")))
    run.state.record_target(facts=target.describe_server(connection, run.final, embedded=postgres.place))
    require_readable(connection, _schemas(run))
    with run.stage("snapshot"):
        shared = _share(run, connection, stack)
    state = MovedState(shared=shared, choice=postgres)
    with run.stage("catalog"):
        tables = (table for name in (run.final, LEFTOVERS) for table in read_tables(run, connection, name))
        require_known_secrets((table.name, column.name) for table in tables for column in table.columns)
        schema = learn_schema(run, connection)
        forms = leftover_forms(run, connection, schema)
        old = old_file(connection, run.final)
    file = stack.enter_context(new_file(run.source_choice.path))
    filled = fill(run, file.unfinished, state, schema, forms, accepted)
    with run.stage("prove"):
        verify_file(run, file.unfinished, state, schema, forms, filled)
        run.state.notes += tuple(lacking(old, file.unfinished))
    left_behind = _require_current(run, shared, conninfo, filled)
    finish(file.unfinished)
    with run.stage("publish"):
        run.require_no_interrupt()
        file.publish()
    run.state.made = replace(_made(run, left_behind), old=old)


def _schemas(run: Run) -> list[str]:
    """Return the schemas whose rows go into the file."""
    return [run.final, *([LEFTOVERS] if run.options.leftovers is Leftovers.COPY else [])]


def _share(run: Run, connection: Connection, stack: ExitStack) -> SharedSnapshot:
    """Hold the present state of PostgreSQL until ``stack`` is left, and its writers where that was asked for."""
    tables = tables_of(connection, _schemas(run)) if run.options.lock_source else []
    try:
        return stack.enter_context(share_snapshot(connection, tables))
    except TargetError as error:
        oids = [oid for (oid,) in connection.execute(_OIDS, [[schema for schema, _table in tables]])]
        raise TargetError(
            str(error), detail=lock_holders(connection, oids, but=READERS), remedy=error.remedy
        ) from error


def _require_current(run: Run, shared: SharedSnapshot, conninfo: str, filled: Filled) -> tuple[str, ...]:
    """Return a line for each table that was written to meanwhile. Raises SourceChangedError unless that is accepted."""
    names: Mapping[tuple[str, str], str] = {
        (side.schema, table.name): side.report_name(table.name) for side in filled.sides for table in side.plan.tables
    }
    with closing(target.connect_to_read(conninfo, "--source")) as now:
        changes = changes_after(shared, now, names)
        replaced = replaced_since(shared, now, _schemas(run))
    if replaced:
        raise SourceChangedError(
            _("Tables of PostgreSQL were truncated, rewritten or dropped while they were read."),
            detail=[".".join(table) for table in replaced],
            remedy=_("What they held cannot be told any more. Run again when nobody changes the schema."),
        )
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
