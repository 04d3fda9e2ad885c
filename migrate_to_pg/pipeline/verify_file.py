"""Verify the new file of a move back: each cell, what the ORM reads if asked for, and what SQLite says of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from migrate_to_pg.errors import VerificationError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.leftovers import view_table_name
from migrate_to_pg.move_back.check_file import check_file
from migrate_to_pg.move_back.leftover_forms import LeftoverForms
from migrate_to_pg.move_back.make_schema import search_indexes
from migrate_to_pg.pipeline.fill_file import Filled, MovedState, Side, pair, read_file, with_leftovers
from migrate_to_pg.pipeline.load_leftovers import merge_verifications
from migrate_to_pg.pipeline.run import Run
from migrate_to_pg.pipeline.verify_staged import verify_orm
from migrate_to_pg.planning.scratch_schema import SqliteSchema
from migrate_to_pg.postgres import target
from migrate_to_pg.postgres.session import settings_for_others
from migrate_to_pg.project.sqlite_connection import django_connection
from migrate_to_pg.records import Plan, Verification
from migrate_to_pg.rules.back.notes import made_empty
from migrate_to_pg.rules.run_findings import run_findings
from migrate_to_pg.verify import verify_tables
from migrate_to_pg.verify.verify_leftovers import verify_leftover_tables


def verify_file(
    run: Run, path: Path, state: MovedState, schema: SqliteSchema, forms: LeftoverForms, filled: Filled
) -> None:
    """Compare every cell with the same state of PostgreSQL, and let SQLite check the file.

    Args:
        run: the options, and the results so far.
        path: the file.
        state: the state of PostgreSQL that was moved.
        schema: what the file is to have.
        forms: the leftovers that come back as they were on SQLite.
        filled: what was loaded.

    Raises:
        VerificationError: anything differs.
    """
    verification: Verification | None = None
    before = {side.key: side for side in filled.sides}
    # The pairs are made anew: the sizes of tables and rows are the file's.
    sides = pair(run, state.shared.connection, read_file(run, path), schema, forms)
    for side in sides:
        found = _verify(run, path, state, side, before[side.key])
        verification = merge_verifications(verification, found) if verification else found
    run.state.verification = verification
    _verify_orm(run, path, state, sides[0].plan, before[sides[0].key])
    verification = run.state.verification
    if verification is None or not verification.holds:
        faulty = verification.faulty if verification else ()
        raise VerificationError(
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


def _verify_orm(run: Run, path: Path, state: MovedState, plan: Plan, before: Side) -> None:
    """Add what the ORM reads, where that was asked for. Tables with rows in quarantine are not read."""
    connection = state.shared.connection
    schemas = target.extension_schemas(connection, but=run.final)
    entry = state.choice.published(run.final, schemas, session=settings_for_others(connection.cursor()))
    incomplete = [name for name, rows in before.left_out.items() if rows.keys]
    verify_orm(run, plan, path, entry, shared=state.shared.id, incomplete=incomplete)


def _verify(run: Run, path: Path, state: MovedState, side: Side, before: Side) -> Verification:
    """Compare the tables of one schema.

    Args:
        run: the options.
        path: the file.
        state: the state that was moved.
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
        "shared": state.shared.id,
        "left_out": left_out,
    }
    if side.joined:
        views = (path, view_table_name)
        found = verify_leftover_tables(side.plan, side.joined, path, state.choice.conninfo, views=views, **how)
    else:
        found = verify_tables(side.plan, path, state.choice.conninfo, **how)
    _require_all(found, before)
    return replace(found, tables=tuple(replace(table, name=side.report_name(table.name)) for table in found.tables))


def _require_all(found: Verification, before: Side) -> None:
    """Raise VerificationError where a table was not compared, or its rows are not those that were counted before."""
    compared = {table.name: table.rows_target for table in found.tables}
    for name, rows in before.rows.items():
        left = len(before.left_out[name].keys) if name in before.left_out else 0
        if compared.get(name, -1) + left != rows:
            raise VerificationError(
                _(
                    "Of {rows} rows of {table}, {compared} were compared and {left} are in quarantine.",
                    rows=rows,
                    table=name,
                    compared=compared.get(name, 0),
                    left=left,
                ),
                remedy=_("No file was made. Please report this."),
            )
