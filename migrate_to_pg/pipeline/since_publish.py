"""Count what was written on PostgreSQL since the move: what going back to the old SQLite file would lose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.pipeline.after_move_back import back_command_line
from migrate_to_pg.pipeline.recorded_snapshot import recorded_snapshot
from migrate_to_pg.pipeline.run import Run, no_progress
from migrate_to_pg.pipeline.verify import compare_published
from migrate_to_pg.postgres import target
from migrate_to_pg.postgres.objects import validate_schema_name
from migrate_to_pg.project.target_database import choose_target
from migrate_to_pg.records import Finding, Options, Plan, Progress, Report
from migrate_to_pg.rules.back.notes import column_not_counted, table_not_counted

Connection = psycopg.Connection[Any]


def since_publish(options: Options, progress: Progress = no_progress) -> Report:
    """Compare PostgreSQL with the snapshot that its publication kept, the journal of repairs applied.

    ``options.source`` is the PostgreSQL database. No file is made. The report's verification has the rows that were
    added, changed and removed. Raises a UsageError where the snapshot is gone.
    """
    options = replace(options, mode="since_publish")
    choice = choose_target(options.source, published=True, argument="--source")
    with closing(target.connect_to_read(choice.conninfo, "--source")) as connection:
        kept = recorded_snapshot(connection, validate_schema_name(options.publish_to), with_journal=True)
    # The stages know SQLite as the source, and PostgreSQL as the target.
    run = Run(replace(options, source=str(kept), target=options.source), progress)
    run.source_choice = replace(run.source_choice, chosen="published")
    run.state.record_source(choice=run.source_choice.sentence)

    def note_uncounted(plan: Plan, connection: Connection) -> None:
        run.state.notes += tuple(_not_counted(plan, connection, run.final))

    report = run.execute(lambda stack: compare_published(run, kept, stack, note_uncounted))
    return replace(report, command=back_command_line(options))


def _not_counted(plan: Plan, connection: Connection, schema: str) -> Iterator[Finding]:
    """Yield a finding for each column and table that only PostgreSQL has, where it holds anything."""
    for table in plan.tables:
        # What PostgreSQL computes follows from what is compared.
        for column in (column for column in table.only_target if not column.generated):
            query = sql.SQL("SELECT count({}) FROM {}").format(
                sql.Identifier(column.name), sql.Identifier(schema, table.name)
            )
            if rows := _number(connection, query):
                yield column_not_counted(table.name, column.name, rows)
    for name in (table.name for table in plan.only_target):
        if rows := _number(connection, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, name))):
            yield table_not_counted(name, rows)


def _number(connection: Connection, query: sql.Composed) -> int:
    (number,) = connection.execute(query).fetchone() or (0,)
    return int(number)
