"""Make the project's tables in the incoming schema, empty and without what slows a load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from migrate_to_pg import leftovers, staging
from migrate_to_pg.errors import MigrateToPgError, MigrationRefusedError, StagingError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.load import resume
from migrate_to_pg.pipeline.examination import blocked
from migrate_to_pg.pipeline.export import relations
from migrate_to_pg.pipeline.reach_target import Target
from migrate_to_pg.pipeline.run import Run
from migrate_to_pg.pipeline.source import plan_run
from migrate_to_pg.planning import read_target, view_names, with_sqlite_sql
from migrate_to_pg.planning.expected_schema import expected_tables, tables_of
from migrate_to_pg.planning.scratch_schema import SqliteSchema
from migrate_to_pg.postgres import target as postgres
from migrate_to_pg.postgres.schema_digest import ObjectDefinition, read_definitions
from migrate_to_pg.postgres.session import settings_for_others
from migrate_to_pg.project.alias_override import forget_migrations, override_alias
from migrate_to_pg.project.migration_files import Key, fresh_rows, may_differ_by_vendor, modules_with_code
from migrate_to_pg.project.migrations import create_model_tables, made_from, make_unmigrated_tables, run_migrations
from migrate_to_pg.project.model_checks import asked_of_tables, checked, explained_by, failing_on_sqlite
from migrate_to_pg.publish import (
    ExistingTables,
    certain_user_data,
    check_leftovers_preconditions,
    check_preconditions,
    inspect_existing,
    require_locks,
    require_movable,
    require_replaceable,
)
from migrate_to_pg.records import INCOMING, Leftovers, Plan, SourceCatalog, SystemCheck
from migrate_to_pg.rules.schema import unmade_model_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """The incoming schema, ready for the load."""

    target: Target
    plan: Plan
    #: The tables that are replaced. None where --replace accepts whatever is there.
    existing: ExistingTables | None
    #: Keys, indexes, constraints and triggers, dropped for the load.
    dropped: staging.DroppedObjects
    #: The definitions of all objects as the migrations made them.
    definitions: frozenset[ObjectDefinition]


def stage_tables(run: Run, target: Target, catalog: SourceCatalog, schema: SqliteSchema) -> Staged:
    """Run the project's migrations into the incoming schema, and plan the move of each table.

    Raises StagingError or BlockedError where the migrations fail, and PublishError where what is in the final schema
    may not be replaced.
    """
    connection, options = target.connection, run.options
    with run.stage("stage"):
        if options.mode == "publish" and not options.replace:
            _refuse_before_migrations(run, target, catalog, schema)
        # At least so many are moved: what the migrations make besides is not known yet.
        require_locks(connection, sum(1 if table.last_id is None else 2 for table in catalog.counted))
        resume.save_previous(connection)
        missing, checks = _make_schema(run, target, catalog, schema)
        if target.extensions.recreate(connection, INCOMING, run.final):
            # Where they cannot be moved they are in the final schema now, and the migrations find them there.
            missing, checks = _make_schema(run, target, catalog, schema)
        require_movable(connection, INCOMING, run.final)
        _note_unapplied(run, missing)
        models = tables_of([*run.registry.stored_models(), *run.models_to_make(catalog)])
        tables = with_sqlite_sql(connection, INCOMING, read_target(connection, INCOMING), models)
        plan = plan_run(run, catalog, tables, view_names(connection, INCOMING), schema)
        plan = replace(plan, system_checks=checks)
        existing = None
        if options.replace:
            # Whatever is there is kept, rows written meanwhile included.
            check_preconditions(connection, INCOMING, run.final)
        else:
            existing = inspect_existing(connection, INCOMING, run.final, fresh_rows())
        if options.mode == "publish":
            if existing:
                require_replaceable(connection, existing, run.final)
            if has_leftovers(run, plan):
                check_leftovers_preconditions(connection)
        definitions = read_definitions(connection, INCOMING)
        dropped = staging.drop_objects(connection, INCOMING)
        staging.truncate(connection, INCOMING, plan)
    return Staged(target=target, plan=plan, existing=existing, dropped=dropped, definitions=definitions)


def has_leftovers(run: Run, plan: Plan) -> bool:
    """Return whether tables that no migration knows are to be moved, too."""
    return run.options.leftovers is Leftovers.COPY and leftovers.has_any(plan)


def staged_database(run: Run, target: Target) -> dict[str, Any]:
    """Return the incoming schema as an entry of DATABASES."""
    session = settings_for_others(target.connection.cursor())
    return target.choice.staging(target.shared_schemas(run.final), session=session)


def _refuse_before_migrations(run: Run, target: Target, catalog: SourceCatalog, schema: SqliteSchema) -> None:
    """Refuse where it is certain already that user data would be replaced. All is inspected after the migrations.

    Certain is what no migration made on SQLite, unless one tells the two databases apart.
    """
    there = relations(target.connection, run.final)
    if there.isdisjoint(table.name for table in catalog.tables):
        return
    names = [table.name for table in expected_tables(run.registry, schema) if table.name in there]
    code = modules_with_code(catalog.applied_migrations)
    made: Mapping[str, int] | None = None if code else dict.fromkeys(names, 0)
    if code and not may_differ_by_vendor(code):
        made = schema.rows
    certain = certain_user_data(target.connection, run.final, names, fresh_rows(), made)
    require_replaceable(target.connection, certain, run.final)


def _make_schema(
    run: Run, target: Target, catalog: SourceCatalog, schema: SqliteSchema
) -> tuple[tuple[Key, ...], tuple[SystemCheck, ...]]:
    """Make the incoming schema with the project's tables.

    Returns the migrations that the source has not applied, and Django's system checks that fail on the target.
    """
    postgres.create_schema(target.connection, INCOMING)
    watched = postgres.watched_schemas(target.connection, run.final)
    known = failing_on_sqlite(run.source_choice)
    guard = postgres.guard_schemas(target.connection, watched, target.shared_schemas(run.final))
    with guard, override_alias(run.source_choice.alias, staged_database(run, target)) as django:
        forget_migrations()
        checks = checked(run.source_choice, known)
        with explained_by(checks):
            try:
                by_models = run.options.schema == "models"
                missing = _make_tables(run, django, catalog, by_models=by_models, watched=watched)
            except StagingError as error:
                _require_no_unmade_model(run, error, catalog, schema)
                if isinstance(error, MigrationRefusedError):
                    error.remedy += f" {_try_models(run, django, target, catalog)}"
                raise
        checks += asked_of_tables(run.source_choice)
    return missing, checks


def _make_tables(
    run: Run, django: BaseDatabaseWrapper, catalog: SourceCatalog, *, by_models: bool, watched: tuple[str, ...]
) -> tuple[Key, ...]:
    """Make the tables by the migrations, or by the models.

    Args:
        run: the registry of models, and the progress.
        django: the incoming schema as Django's connection.
        catalog: the migrations that the source has applied.
        by_models: whether the models are used: --schema models.
        watched: the schemas in which the migrations may write nothing.

    Returns the migrations that the source has not applied.
    """
    with made_from(django, run.models_to_make(catalog)):
        if by_models:
            missing = create_model_tables(django, run.registry, run.progress)
        else:
            missing = run_migrations(django, catalog.applied_migrations, run.progress, watched=watched)
        make_unmigrated_tables(django, run.registry, [table.name for table in catalog.tables])
    return missing


def _try_models(run: Run, django: BaseDatabaseWrapper, target: Target, catalog: SourceCatalog) -> str:
    """Try whether --schema models makes the tables where a migration fails, and say so."""
    django.close()
    postgres.create_schema(target.connection, INCOMING)
    try:
        _make_tables(run, django, catalog, by_models=True, watched=())
    except MigrateToPgError as error:
        return _("--schema models does not help: {error}", error=error)
    return _("Or leave the migrations out: --schema models makes the tables from the models; that was tried.")


def _require_no_unmade_model(run: Run, error: StagingError, catalog: SourceCatalog, schema: SqliteSchema) -> None:
    """Raise BlockedError where a migration failed for the table of an installed model that no migration makes."""
    plan = plan_run(run, catalog, expected_tables(run.registry, schema, run.models_to_make(catalog)), schema=schema)
    named = [unmade for unmade in plan.unmade if unmade.table and f'"{unmade.table.name}"' in str(error)]
    if named:
        findings = tuple(unmade_model_table.finding(plan, unmade) for unmade in named)
        run.state.record_examined(findings=findings)
        raise blocked(findings) from error


def _note_unapplied(run: Run, missing: tuple[Key, ...]) -> None:
    run.state.record_target(unapplied=len(missing))
    if missing:
        run.note(
            _(
                "The source has not applied {migrations} ({names}); PostgreSQL will not have either.",
                migrations=pluralize(len(missing), "migration", "migrations"),
                names=", ".join(".".join(key) for key in missing[:5]),
            )
        )
