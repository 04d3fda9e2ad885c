"""Run the source's applied migrations in the incoming schema, or create their models' tables without running them.

No post_migrate is emitted: the rows that its receivers would make come from the source, with the source's primary keys,
so that generic foreign keys stay valid.

Tables are created without migrations where those do not run on PostgreSQL. Each model is made as Django's schema editor
makes it for a first migration. What RunSQL and RunPython make in addition is missing.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from traceback import walk_tb
from typing import Any, cast

import django.db
import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration
from django.db.migrations.recorder import MigrationRecorder

from migrate_to_pg.errors import MigrateToPgError, MigrationRefusedError, MigrationStateError, StagingError, TargetError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres import schema_digest
from migrate_to_pg.postgres.batches import batched
from migrate_to_pg.postgres.missing_objects import SQLITE_COLLATIONS, remedy
from migrate_to_pg.project.migration_files import Key, SourceLoader, first_line
from migrate_to_pg.project.registry import Model, Registry
from migrate_to_pg.records import INCOMING, Event, Progress, folded

logger = logging.getLogger(__name__)

#: Longer statements are truncated in messages.
_MAX_SQL_LENGTH = 500


def run_migrations(
    connection: BaseDatabaseWrapper,
    applied: Collection[Key],
    progress: Progress,
    *,
    watched: Collection[str] = ("public",),
) -> tuple[Key, ...]:
    """Apply to staging exactly the migrations that the source has applied, and return the keys of the others.

    Raise MigrationStateError where the source's record contradicts the migration files, StagingError where a migration
    does not run on PostgreSQL, or writes to one of the schemas ``watched``.
    """
    with with_migrations_table(connection):
        runner = _Runner(connection, applied, progress, watched)
    wanted = runner.loader.wanted
    full_plan = runner.migration_plan(runner.loader.graph.leaf_nodes(), clean_start=True)
    loader = runner.loader
    for key in sorted(wanted & set(loader.graph.nodes)):
        for parent in loader.graph.node_map[key].parents:
            if parent.key not in wanted:
                raise MigrationStateError(
                    _(
                        "The source has applied {key}, but not {parent}, on which it depends.",
                        key=".".join(key),
                        parent=".".join(parent.key),
                    ),
                    remedy=_(
                        "Run manage.py migrate on the SQLite database first (DATABASE_URL unset), or see"
                        " manage.py showmigrations."
                    ),
                )
    plan = [step for step in full_plan if (step[0].app_label, step[0].name) in wanted]
    runner.total = len(plan)
    runner.run(plan)
    return tuple((m.app_label, m.name) for m, __ in full_plan if (m.app_label, m.name) not in wanted)


#: Classes of SQLSTATE: insufficient resources, operator intervention, system errors.
_OF_THE_SERVER = ("53", "57", "58")


@contextmanager
def with_migrations_table(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Create django_migrations in the incoming schema at once: Django would use public's where that is visible.

    Raise StagingError where this connection, which may be a pooler's, does not lead to that schema.
    """
    try:
        require_incoming(connection)
        with connection.schema_editor() as editor:
            editor.create_model(MigrationRecorder.Migration)
        yield
    except django.db.Error as error:
        cause = error.__cause__
        if isinstance(cause, psycopg.OperationalError) and str(cause.sqlstate).startswith(_OF_THE_SERVER):
            raise cause from None
        raise StagingError(
            _(
                "Django cannot work in schema {incoming}: {first_line}",
                incoming=INCOMING,
                first_line=first_line(error),
            ),
            detail=str(error).splitlines()[1:],
            remedy=_("If the connection goes through a pooler, connect to PostgreSQL directly."),
        ) from error


_MAKES_EXTENSION = re.compile(r"\s*CREATE\s+EXTENSION\b", re.IGNORECASE)


class _Runner(MigrationExecutor):
    """Django's executor, checking before each migration where it would write, and after it where it wrote."""

    def __init__(
        self, connection: BaseDatabaseWrapper, applied: Collection[Key], progress: Progress, watched: Collection[str]
    ) -> None:
        # Before the executor's own loader, which would end in Django's traceback where the files make no graph.
        loader = SourceLoader(connection, applied)
        super().__init__(connection, cast(Any, self._on_progress))
        self.loader: SourceLoader = loader
        self._progress = progress
        self._current = ""
        self._failed_statement = ""
        self._done = 0
        self._started = 0.0
        self.total = 0
        self._before = self._states(watched)

    def _on_progress(self, action: str, migration: Any = None, fake: bool = False) -> None:
        if action == "apply_start":
            self._current = f"{migration.app_label}.{migration.name}"
            self._started = time.perf_counter()
            require_incoming(self.connection)
        elif action == "apply_success":
            self._done += 1
            logger.info("applied %s: %.3f s", self._current, time.perf_counter() - self._started)
            self._progress(
                Event(kind="progress", stage="stage", message=self._current, done=self._done, total=self.total)
            )

    def run(self, plan: list[Any]) -> None:
        try:
            with self._checked_before_commit(), self.connection.execute_wrapper(self._last_statement):
                # Nothing is applied in staging, whatever the loader has of the source.
                self.migrate(None, plan=plan, state=cast(Any, self)._create_project_state())
        except MigrateToPgError as error:
            error.detail = (*error.detail, _("Migration {current}", current=self._current))
            raise
        except (Exception, SystemExit) as error:  # a migration is the project's own code: it may raise anything
            raw = self.connection.connection
            if raw is not None and raw.broken:
                raise TargetError(
                    _("The connection to PostgreSQL was lost during migration {current}.", current=self._current),
                    detail=[first_line(error)],
                    remedy=_(
                        "Nothing was published. Look at the server's log, then run again; the next run cleans up."
                    ),
                ) from error
            remedy = missing_collation(self.connection, error)
            forbidden = isinstance(error.__cause__, psycopg.errors.InsufficientPrivilege)
            if not remedy and forbidden and _MAKES_EXTENSION.match(self._failed_statement):
                remedy = _(
                    "As a superuser, run in this database: {statement}; then run again.",
                    statement=self._failed_statement.strip().rstrip(";"),
                )
            kind = StagingError if remedy else MigrationRefusedError
            raise kind(
                _(
                    "Migration {current} does not run on PostgreSQL: {first_line}",
                    current=self._current or _("planning"),
                    first_line=first_line(error),
                ),
                detail=[*str(error).splitlines()[1:], *self._error_location(error)],
                remedy=remedy
                or _("Make the migration run on both databases (connection.vendor tells them apart), then run again."),
            ) from error

    def _last_statement(
        self, execute: Callable[..., Any], statement: Any, parameters: Any, many: bool, context: Mapping[str, Any]
    ) -> Any:
        """Remember the statement that failed. Django calls this for every statement."""
        try:
            return execute(statement, parameters, many, context)
        except django.db.Error:
            self._failed_statement = str(statement)
            raise

    def _error_location(self, error: BaseException) -> Iterator[str]:
        """Yield the migration's operation that raised, and the SQL that PostgreSQL refused."""
        frames = [frame for frame, __ in walk_tb(error.__traceback__)]
        applying = [frame.f_locals.get("operation") for frame in frames if frame.f_code is Migration.apply.__code__]
        if applying and applying[-1] is not None:
            yield _("Operation: {operation}", operation=applying[-1].describe())
        if self._failed_statement and isinstance(error, django.db.Error):
            yield _("SQL: {statement}", statement=" ".join(self._failed_statement.split())[:_MAX_SQL_LENGTH])

    @contextmanager
    def _checked_before_commit(self) -> Iterator[None]:
        """Check the watched schemas in each migration's own transaction, which can be rolled back."""
        connection: Any = self.connection
        former, check = connection.SchemaEditorClass, self._require_untouched

        class Checking(former):  # type: ignore[misc, valid-type]
            def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
                try:
                    if error is None:
                        while self.deferred_sql:
                            self.execute(self.deferred_sql.pop(0), None)
                        check()
                except BaseException:
                    super().__exit__(*sys.exc_info())
                    raise
                super().__exit__(kind, error, traceback)

        connection.SchemaEditorClass = Checking
        try:
            yield
        finally:
            connection.SchemaEditorClass = former

    def _states(self, schemas: Collection[str]) -> dict[str, set[schema_digest.Fact]]:
        with self.connection.cursor() as cursor:
            return {schema: schema_digest.read_catalogue(cursor, schema) for schema in schemas}

    def _require_untouched(self) -> None:
        now = self._states(self._before)
        for schema, before in self._before.items():
            with self.connection.cursor() as cursor:
                written = schema_digest.tables_written(cursor, schema)
            changed = [*schema_digest.changed_objects(before, now[schema]), *written]
            if changed:
                raise StagingError(
                    _(
                        "Migration {current} changes schema {final}, although it runs in {incoming}.",
                        current=self._current,
                        final=schema,
                        incoming=INCOMING,
                    ),
                    detail=changed,
                    remedy=_(
                        "It names {final} itself, in RunSQL or RunPython: let it rely on the search path. If it was"
                        " somebody else who made a change there meanwhile, run again.",
                        final=schema,
                    ),
                )


def model_refused(connection: BaseDatabaseWrapper, model: str, error: django.db.Error) -> StagingError:
    """Return the error for a model whose table PostgreSQL does not make."""
    return StagingError(
        _("PostgreSQL does not take the model {model}: {first_line}", model=model, first_line=first_line(error)),
        detail=str(error).splitlines()[1:],
        remedy=missing_collation(connection, error)
        or _("Where it needs an extension, make it first (CREATE EXTENSION ...); else correct the model."),
    )


_MISSING_COLLATION = re.compile(r'"([^"]+)"')


def missing_collation(connection: BaseDatabaseWrapper, error: BaseException) -> str:
    """Return advice where a collation is missing, which may be one of SQLite's, or ''."""
    refused = isinstance(error.__cause__, psycopg.errors.UndefinedObject) and "collation" in str(error)
    found = _MISSING_COLLATION.search(str(error)) if refused else None
    if found is None:
        return _without_icu(connection) if "ICU" in str(error) else ""
    is_sqlite = found[1].lower() in SQLITE_COLLATIONS
    return ("" if is_sqlite else _without_icu(connection)) or remedy("collation", found[1])


def _without_icu(connection: BaseDatabaseWrapper) -> str:
    # With ICU, PostgreSQL makes its collations together with the cluster.
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT EXISTS (SELECT FROM pg_catalog.pg_collation WHERE collname = 'und-x-icu')")
            has_icu = cursor.fetchone()[0]
    except django.db.Error:
        return ""
    if has_icu:
        return ""
    return _(
        "The collation needs ICU, and this server's PostgreSQL was built without it, as that of --target embedded is."
        " Nothing is wrong with the project: rehearse on a server that has ICU, in an empty database of its own:"
        " manage.py migrate_to_pg --rehearse --verify --target postgres://user:password@host:5432/name"
    )


def require_incoming(connection: BaseDatabaseWrapper) -> None:
    """Raise StagingError where this connection makes its tables anywhere but in the incoming schema."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        schema = cursor.fetchone()[0]
    if schema != INCOMING:
        raise StagingError(
            _(
                "Migrations would have run into schema {schema} instead of {incoming}.",
                schema=schema or _("(none)"),
                incoming=INCOMING,
            ),
            remedy=_(
                "Remove search_path from the database's OPTIONS, from the role (ALTER ROLE ... RESET search_path) or"
                " from the pooler, or connect to PostgreSQL directly."
            ),
        )


def create_model_tables(connection: BaseDatabaseWrapper, registry: Registry, progress: Progress) -> tuple[Key, ...]:
    """Create the table of every managed model of the applied migrations. Return the migrations not applied.

    Raise MigrationStateError where the migration files make no graph, StagingError with the model that PostgreSQL
    rejects.
    """
    with with_migrations_table(connection):
        # Tables of apps without migrations are made separately, as after migrations. Many-to-many tables are made with
        # the models that declare them.
        made = [
            model
            for model in registry.stored_models()
            if model._meta.app_label not in registry.unmigrated_apps
            and not model._meta.auto_created
            and model._meta.can_migrate(connection)
        ]
    with _made(connection, made, progress):
        pass
    return registry.unapplied


def unmigrated_models(registry: Registry, source_tables: Collection[str], *, on_sqlite: bool) -> list[Model]:
    """Return the models of apps without migrations whose table the source has."""
    if not registry.unmigrated_apps:
        return []
    there = {folded(name) for name in source_tables}
    sources = {name.label: name.source for name in registry.names}
    return [
        model
        for model in registry.stored_models(on_sqlite=on_sqlite)
        if model._meta.app_label in registry.unmigrated_apps
        and not model._meta.auto_created
        and folded(sources[model._meta.label]) in there
    ]


def make_unmigrated_tables(connection: BaseDatabaseWrapper, registry: Registry, source_tables: Collection[str]) -> None:
    """Create the tables of apps without migrations, where the source has them, as ``--run-syncdb`` does."""
    bare = unmigrated_models(registry, source_tables, on_sqlite=connection.vendor == "sqlite")
    with _made(connection, [model for model in bare if model._meta.can_migrate(connection)]):
        pass


@contextmanager
def made_from(connection: BaseDatabaseWrapper, chosen: Collection[Model]) -> Iterator[None]:
    """Create the tables of models that no migration makes, and their keys and indexes after the block.

    They come first since foreign keys of the others may refer to them. Raise StagingError where PostgreSQL rejects one.
    """
    if chosen:
        require_incoming(connection)
    with _made(connection, list(chosen)):
        yield


@contextmanager
def _made(
    connection: BaseDatabaseWrapper, models: Sequence[Model], progress: Progress = lambda _event: None
) -> Iterator[None]:
    """Create tables, some of them in each transaction, which locks them; their keys and indexes after the block."""
    later: list[Any] = []
    done, current = 0, ""
    try:
        for some in batched(models):
            with connection.schema_editor() as editor:
                for model in some:
                    current = model._meta.label
                    editor.create_model(model)
                    done += 1
                    progress(Event(kind="progress", stage="stage", message=current, done=done, total=len(models)))
                later += editor.deferred_sql
                editor.deferred_sql.clear()
    except django.db.Error as error:
        raise model_refused(connection, current, error) from error
    yield
    try:
        for statements in batched(later):
            with connection.schema_editor() as editor:
                for statement in statements:
                    editor.execute(statement)
    except django.db.Error as error:
        raise model_refused(connection, _("(foreign keys and indexes)"), error) from error
