"""Fill the new SQLite file of a move back: its tables, what cannot go, its rows, its indexes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import django
import psycopg

from migrate_to_pg.errors import TargetError
from migrate_to_pg.leftovers import plan_for
from migrate_to_pg.move_back.examine import examine, large_tables, unique_keys
from migrate_to_pg.move_back.leftover_forms import LeftoverForms, go_on_after, insert_joined
from migrate_to_pg.move_back.load_file import load
from migrate_to_pg.move_back.make_schema import (
    autoincrement_tables,
    make_tables,
    make_unknown_tables,
    next_values,
    prepare,
    restore,
)
from migrate_to_pg.move_back.quarantine import MIGRATIONS, LeftOut, Quarantine
from migrate_to_pg.move_back.read_rows import State
from migrate_to_pg.move_back.write_rows import Writer
from migrate_to_pg.pipeline.examination import blocked
from migrate_to_pg.pipeline.load_leftovers import report_name
from migrate_to_pg.pipeline.run import Run
from migrate_to_pg.pipeline.source import plan_run
from migrate_to_pg.planning import exact_decimals, make_plan, read_source, read_target, view_names
from migrate_to_pg.planning.scratch_schema import SqliteSchema
from migrate_to_pg.postgres import target
from migrate_to_pg.postgres.shared_snapshot import SharedSnapshot, joined
from migrate_to_pg.project.own_forms import own_forms
from migrate_to_pg.project.sqlite_connection import django_connection
from migrate_to_pg.project.target_database import TargetChoice
from migrate_to_pg.records import (
    LEFTOVERS,
    Advice,
    Finding,
    Identity,
    Leftovers,
    LeftoverTable,
    LoadedTable,
    Plan,
    SourceCatalog,
    TargetTable,
)
from migrate_to_pg.records.repairs import RemovedRows, RepairResult
from migrate_to_pg.rules.back.back_rule import NewFileFacts
from migrate_to_pg.rules.schema import ambiguous_name

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedState:
    """The state of PostgreSQL that is moved, and how other connections come to it."""

    shared: SharedSnapshot
    choice: TargetChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The tables of one schema of PostgreSQL, paired with those of the file."""

    schema: str
    plan: Plan
    #: PostgreSQL's name of the table -> its rows, of those that were examined.
    rows: Mapping[str, int] = field(default_factory=dict)
    #: PostgreSQL's name of the table -> the rows that stay behind.
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)
    #: The leftovers, where they come back in their SQLite form.
    joined: tuple[LeftoverTable, ...] = ()

    @property
    def key(self) -> tuple[str, bool]:
        """What tells the sides of a file apart."""
        return self.schema, bool(self.joined)

    def report_name(self, table: str) -> str:
        """Return the name that reports give a table."""
        return report_name(table) if self.schema == LEFTOVERS else table


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """The file with its rows."""

    sides: tuple[Side, ...]
    #: SQLite's name of each table, and the next value of its sequence on PostgreSQL.
    identities: tuple[tuple[str, Identity], ...]


def fill(
    run: Run,
    path: Path,
    state: MovedState,
    schema: SqliteSchema,
    forms: LeftoverForms,
    accepted: frozenset[str],
) -> Filled:
    """Make the tables and load the rows.

    Args:
        run: the options, and the results so far.
        path: the empty file.
        state: the state of PostgreSQL that is moved.
        schema: what the file is to have.
        forms: the leftovers that come back as they were there.
        accepted: the rules whose rows may be left out.

    Raises:
        BlockedError: there are rows that SQLite cannot take. Nothing was loaded.
    """
    connection = state.shared.connection
    everything = with_leftovers(schema, forms)
    with opened(run, path) as database:
        with run.stage("stage"):
            make_tables(database, everything)
            sides = _pair(run, connection, database, path, schema, forms)
        with run.stage("examine"):
            sides = _examine(run, state, database, sides, accepted)
    with run.stage("load"), Writer(path, lambda: opened(run, path)) as writer:
        _load(run, state, writer, sides)
    with run.stage("restore"), opened(run, path) as database:
        identities = tuple(_identities(connection, database, sides))
        restore(database, everything, identities)
        go_on_after(database, forms.last_ids)
        run.state.record_loaded(identities=tuple(identity for __, identity in identities))
    return Filled(sides=sides, identities=identities)


@contextmanager
def opened(run: Run, path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file as the project opens one, set up for the load."""
    with django_connection(run.source_choice, path) as wrapper:
        database: sqlite3.Connection = wrapper.connection
        prepare(database)
        yield database


def with_leftovers(schema: SqliteSchema, forms: LeftoverForms) -> SqliteSchema:
    """Return what is in the file: what the migrations make, and the leftovers that come back as they were."""
    return replace(schema, statements=(*schema.statements, *forms.statements))


def read_tables(run: Run, connection: Connection, schema: str) -> tuple[TargetTable, ...]:
    """Return PostgreSQL's tables, as Django will read their values on SQLite."""
    tables = read_target(connection, schema)
    # Since Django 6.1 whole numbers of SQLite's are read with all their digits.
    is_exact = run.options.exact_decimals or django.VERSION >= (6, 1)
    return tuple(map(exact_decimals, tables)) if is_exact else tables


def read_file(run: Run, path: Path) -> SourceCatalog:
    """Read the tables of the file, with the migrations that PostgreSQL has applied."""
    before = run.state.source.catalog
    catalog = replace(read_source(path), applied_migrations=before.applied_migrations if before else ())
    run.state.record_source(catalog=catalog)
    return catalog


def pair(
    run: Run, connection: Connection, catalog: SourceCatalog, schema: SqliteSchema, forms: LeftoverForms
) -> tuple[Side, ...]:
    """Pair the tables of both sides: those of the project, and those of schema sqlite_leftovers."""
    tables, views = read_tables(run, connection, run.final), view_names(connection, run.final)
    plan = plan_run(run, catalog, tables, views, schema)
    if plan.ambiguous_names:
        findings = tuple(map(ambiguous_name.finding, plan.ambiguous_names))
        run.state.record_examined(findings=findings)
        raise blocked(findings, repairs=False)
    sides = [Side(schema=run.final, plan=plan)]
    if run.options.leftovers is Leftovers.COPY:
        taken = {table.source.name for table in (*plan.tables, *plan.excluded)}
        taken |= {table.source for table in forms.tables}
        free = replace(catalog, tables=tuple(table for table in catalog.tables if table.name not in taken))
        leftovers = read_tables(run, connection, LEFTOVERS)
        same = [table for table in leftovers if table.name not in forms.names]
        others = make_plan(free, same, source_time_zone=plan.source_time_zone, local_times=plan.local_times)
        sides += [Side(schema=LEFTOVERS, plan=others)] if others.tables else []
        if forms.tables:
            # The sizes that they have in the file.
            found = {table.name: table for table in catalog.tables}
            joined = plan_for(
                [
                    replace(t, rows=found[t.source].rows, largest_row=found[t.source].largest_row or t.largest_row)
                    for t in forms.tables
                ],
                leftovers,
                source_time_zone=plan.source_time_zone,
            )
            sides.append(Side(schema=LEFTOVERS, plan=joined, joined=forms.tables))
    return tuple(sides)


def _pair(
    run: Run,
    connection: Connection,
    database: sqlite3.Connection,
    path: Path,
    schema: SqliteSchema,
    forms: LeftoverForms,
) -> tuple[Side, ...]:
    """Make the tables that no migration makes on SQLite, and pair all."""
    if run.options.leftovers is Leftovers.COPY:
        (first, *_others) = pair(run, connection, read_file(run, path), schema, forms)
        leftovers = (table for table in read_tables(run, connection, LEFTOVERS) if table.name not in forms.names)
        # Django makes its record itself, where no application has migrations.
        others = ((table.name, table) for table in first.plan.only_target if table.name != MIGRATIONS)
        unknown = (*others, *((report_name(table.name), table) for table in leftovers))
        make_unknown_tables(database, unknown)
    return pair(run, connection, read_file(run, path), schema, forms)


def _examine(
    run: Run,
    state: MovedState,
    database: sqlite3.Connection,
    sides: tuple[Side, ...],
    accepted: frozenset[str],
) -> tuple[Side, ...]:
    """Find what cannot go, and leave out what was accepted. Raises BlockedError for anything else."""
    connection = state.shared.connection
    longest, keys = database.getlimit(sqlite3.SQLITE_LIMIT_LENGTH), unique_keys(database)
    found: list[Finding] = []
    examined_sides, quarantines = [], []
    for side in sides:
        plan = side.plan
        large = large_tables(connection, side.schema, longest)
        facts = NewFileFacts(zone=plan.source_time_zone, longest=longest, keys=keys, large=large, schema=side.schema)
        quarantine = Quarantine(connection, plan, side.schema)
        with joined(_more_connections(run, state, side), state.shared.id) as others:
            examined = examine(
                quarantine, connection, plan.tables, facts, schema=side.schema, accepted=accepted, others=others
            )
        found += (replace(finding, table=side.report_name(finding.table)) for finding in examined.findings)
        quarantines.append(quarantine)
        examined_sides.append(replace(side, rows=examined.rows, left_out=quarantine.left_out))
    run.state.record_examined(findings=tuple(found))
    if blocking := [finding for finding in found if finding.blocks]:
        rules = {finding.rule for finding in blocking if finding.quarantinable} | accepted
        run.state.record_examined(advice=Advice(quarantine=tuple(sorted(rules))) if rules else None)
        raise blocked(blocking, repairs=False)
    _leave_out(run, quarantines, accepted)
    return tuple(examined_sides)


def _more_connections(run: Run, state: MovedState, side: Side) -> Iterator[Connection]:
    """Open the connections that examine beside the run's own, as many as the server, or this role, has."""
    for _number in range(1, min(run.options.jobs, len(side.plan.tables))):
        try:
            yield target.connect_to_read(state.choice.conninfo, "--source")
        except TargetError:
            return


def _leave_out(run: Run, quarantines: list[Quarantine], accepted: frozenset[str]) -> None:
    """Keep the rows that stay behind in a database beside the report."""
    removed: list[RemovedRows] = []
    path = run.workdir.quarantine
    for quarantine in quarantines:
        if not quarantine.is_empty:
            quarantine.follow()
            removed += quarantine.keep(path)
    if path.exists():
        repairs = RepairResult(path=path, journal=path, fix=frozenset(), quarantine=accepted, removed=tuple(removed))
        run.state.record_examined(repairs=repairs)


def _load(run: Run, state: MovedState, writer: Writer, sides: tuple[Side, ...]) -> None:
    loaded: list[LoadedTable] = []
    total = sum(rows for side in sides for rows in side.rows.values())
    for side in sides:
        columns = ((table.name, column.target) for table in side.plan.tables for column in table.columns)
        forms = own_forms(run.registry, columns) if side.schema == run.final else {}
        tables = load(
            side.plan.tables,
            State(conninfo=state.choice.conninfo, shared=state.shared.id, zone=side.plan.source_time_zone, forms=forms),
            writer,
            schema=side.schema,
            jobs=run.options.jobs,
            progress=run.progress,
            before=sum(table.rows for table in loaded),
            total=total,
            left_out=side.left_out,
            inserts={table.name: insert_joined(table) for table in side.joined},
        )
        loaded += (replace(table, name=side.report_name(table.name)) for table in tables)
    run.state.record_loaded(tables=tuple(loaded))


def _identities(
    connection: Connection, database: sqlite3.Connection, sides: tuple[Side, ...]
) -> list[tuple[str, Identity]]:
    """Return SQLite's name of each table that gives ids, and the next one on PostgreSQL."""
    known = autoincrement_tables(database)
    found = []
    for side in sides:
        for table, column, following in next_values(connection, side.plan.tables):
            if table.source.name in known and table.key_names == (column,):
                found.append((table.source.name, Identity(table=table.name, column=column, next=following)))
    return found
