"""Learn the schema of the new file: from the project's migrations, or from the snapshot that the publication kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import MigrationStateError, PublishError, SourceError, StagingError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.leftovers.create_tables import is_name_of
from migrate_to_pg.move_back.leftover_forms import LeftoverForms, explain, with_postgresql_columns
from migrate_to_pg.move_back.make_schema import require_made
from migrate_to_pg.pipeline.fill_file import read_tables
from migrate_to_pg.pipeline.load_leftovers import report_name
from migrate_to_pg.pipeline.recorded_snapshot import recorded_snapshot
from migrate_to_pg.pipeline.run import Run
from migrate_to_pg.planning import read_source
from migrate_to_pg.planning.scratch_schema import SqliteSchema, learn, read_statements
from migrate_to_pg.project.migration_files import has_migrations
from migrate_to_pg.project.secrets_of_source import mask_what_is_made_of_secrets
from migrate_to_pg.publish.history import recorded_source
from migrate_to_pg.records import LEFTOVERS, Leftovers, SourceCatalog, folded
from migrate_to_pg.rules.back.notes import leftover_as_view, leftover_with_postgresql_columns
from migrate_to_pg.sqlite.connection import snapshot_uri

Connection = psycopg.Connection[Any]
Migrations = tuple[tuple[str, str], ...]

#: Migrations that are named.
_SHOWN = 20


def learn_schema(run: Run, connection: Connection) -> SqliteSchema:
    """Return the schema that the file is to have. Raises MigrateToPgError where there is none."""
    there = {table for _schema, table in tables_of(connection, [run.final])}
    applied: Migrations = ()
    if "django_migrations" in there:
        query = sql.SQL("SELECT app::text, name::text FROM {} ORDER BY id")
        applied = tuple(connection.execute(query.format(sql.Identifier(run.final, "django_migrations"))).fetchall())
    if not applied and has_migrations():
        raise MigrationStateError(
            _("Schema {schema} records no applied migration: it is not a Django project's.", schema=run.final),
            remedy=_("Name the database that the application uses with --source, and its schema with --from-schema."),
        )
    run.state.record_source(catalog=SourceCatalog(tables=(), applied_migrations=applied))
    # Of applications without migrations the tables are made that PostgreSQL has.
    run.state.record_target(unapplied=len(run.registry.unapplied))
    names = [name.source for name in run.registry.names if name.target in there]
    if run.options.schema == "snapshot":
        return _schema_of_snapshot(run, connection, applied, {*names, *there})
    schema = learn(run.source_choice, run.registry, names, run.progress)
    require_made(schema)
    return schema


def _schema_of_snapshot(run: Run, connection: Connection, applied: Migrations, known: Collection[str]) -> SqliteSchema:
    """Return what SQLite had at the move, but for what was published as leftovers: that has a form of its own.

    Args:
        run: the options.
        connection: to PostgreSQL.
        applied: the migrations that PostgreSQL has applied.
        known: names of the project's tables.
    """
    kept = recorded_snapshot(connection, run.final, with_journal=False)
    try:
        with closing(sqlite3.connect(snapshot_uri(kept), uri=True)) as database:
            statements = tuple(read_statements(database))
        _require_same_migrations(set(applied), set(read_source(kept).applied_migrations))
        leftovers = [table for _schema, table in tables_of(connection, [LEFTOVERS])]
        names = set(map(folded, known))
        of_project = tuple(
            statement
            for statement in statements
            if folded(statement.table) in names or not any(is_name_of(name, statement.table) for name in leftovers)
        )
        schema = SqliteSchema(choice=run.source_choice, statements=of_project)
        # Made once, in memory: what SQLite refuses is known before anything is written.
        with schema.opened():
            return schema
    except sqlite3.Error as error:
        raise StagingError(
            _("SQLite does not make the schema of {kept} again: {error}", kept=kept, error=error),
            remedy=_("Leave --schema snapshot out: the migrations make the schema then."),
        ) from error


def _require_same_migrations(now: set[tuple[str, str]], then: set[tuple[str, str]]) -> None:
    """Raise MigrationStateError where PostgreSQL's schema is no longer that of the snapshot."""
    if now != then:
        names = [".".join(migration) for migration in sorted(now ^ then)]
        raise MigrationStateError(
            _("Migrations were applied or taken back on PostgreSQL since the move: the snapshot has an old schema."),
            detail=[*names[:_SHOWN], *(["..."] if len(names) > _SHOWN else [])],
            remedy=_("Leave --schema snapshot out: the migrations make the schema then."),
        )


def tables_of(connection: Connection, schemas: Collection[str]) -> list[tuple[str, str]]:
    """Return each table of these schemas, with its schema."""
    query = """
        SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY c.oid
    """
    return connection.execute(query, [[*schemas]]).fetchall()


def leftover_forms(run: Run, connection: Connection, schema: SqliteSchema) -> LeftoverForms:
    """Find the leftovers that come back as they were on SQLite. A finding names each of the others."""
    targets = read_tables(run, connection, LEFTOVERS) if run.options.leftovers is Leftovers.COPY else ()
    if not targets:
        return LeftoverForms()
    forms = with_postgresql_columns(targets, _("The snapshot that tells its SQLite form is gone."))
    try:
        recorded = recorded_source(connection, run.final)
        if recorded and Path(recorded[0]).is_file():
            mask_what_is_made_of_secrets(Path(recorded[0]))
            taken = [statement.name for statement in schema.statements]
            forms = explain(connection, targets, Path(recorded[0]), run.workdir.leftovers, taken)
    except (PublishError, SourceError, sqlite3.Error, OSError) as error:
        # A record or a snapshot that cannot be read stands in nobody's way.
        forms = with_postgresql_columns(targets, str(error))
    run.state.notes += tuple(
        leftover_with_postgresql_columns(report_name(kept.name), kept.columns, kept.reason)
        for kept in forms.unexplained
    )
    run.state.notes += tuple(leftover_as_view(report_name(view)) for view in forms.views)
    return forms
