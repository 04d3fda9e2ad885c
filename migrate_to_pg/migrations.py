"""The source's applied migrations in, the same migrations run into the incoming schema out.

While they run, the source's alias is the staging connection, in settings and in this thread's ``connections``: a data
migration that forgets ``using=`` writes to staging. No post_migrate is emitted: the rows that its receivers would make
come from the source, with the source's primary keys, so that generic foreign keys stay true.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import django.db
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.utils import ConnectionHandler

from migrate_to_pg.errors import MigrationStateError, StagingError
from migrate_to_pg.records import INCOMING, Event, FreshRows

Key = tuple[str, str]
Progress = Callable[[Event], None]


@contextmanager
def standing_in(alias: str, entry: Mapping[str, Any]) -> Iterator[BaseDatabaseWrapper]:
    """Make ``alias`` mean the database of ``entry`` in this thread, and put the former one back afterwards."""
    former_entry = settings.DATABASES.get(alias)
    former = connections[alias] if former_entry is not None else None
    settings.DATABASES[alias] = dict(entry)
    connection = ConnectionHandler(settings.DATABASES)[alias]
    connections[alias] = connection
    try:
        yield connection
    finally:
        connection.close()
        if former_entry is None or former is None:
            del settings.DATABASES[alias]
            del connections[alias]
        else:
            settings.DATABASES[alias] = former_entry
            connections[alias] = former


def run_migrations(connection: BaseDatabaseWrapper, applied: Collection[Key], progress: Progress) -> tuple[Key, ...]:
    """Apply to staging exactly the migrations that the source has applied; the keys that it has not are returned.

    Raises MigrationStateError where the source's record contradicts the migration files, StagingError where a
    migration does not run on PostgreSQL.
    """
    _require_incoming(connection)
    runner = _Runner(connection, progress)
    wanted = with_squashed(runner.loader, applied)
    full_plan = runner.migration_plan(runner.loader.graph.leaf_nodes(), clean_start=True)
    _require_consistent(runner.loader, wanted)
    plan = [step for step in full_plan if (step[0].app_label, step[0].name) in wanted]
    runner.total = len(plan)
    runner.run(plan)
    return tuple((m.app_label, m.name) for m, _ in full_plan if (m.app_label, m.name) not in wanted)


def make_unmigrated_tables(connection: BaseDatabaseWrapper, source_tables: Collection[str]) -> None:
    """What ``migrate --run-syncdb`` makes: the tables of apps without migrations, where the source has them."""
    unmigrated = MigrationLoader(connection).unmigrated_apps
    wanted = {name.lower() for name in source_tables}
    with connection.schema_editor() as editor:
        for config in apps.get_app_configs():
            for model in router.get_migratable_models(config, connection.alias) if config.label in unmigrated else ():
                if model._meta.can_migrate(connection) and model._meta.db_table.lower() in wanted:
                    editor.create_model(model)


def fresh_rows() -> FreshRows:
    """What Django's post_migrate receivers put into an empty database, for the models that are installed."""
    models = [m for m in apps.get_models(include_auto_created=True) if m._meta.managed or m._meta.proxy]
    permissions = {
        (model._meta.app_label, str(model._meta.model_name), codename)
        for model in models
        for codename in _codenames(model._meta)
    }
    names = {(model._meta.app_label, str(model._meta.model_name)) for model in apps.get_models()}
    return FreshRows(content_types=frozenset(names), permissions=frozenset(permissions))


def _codenames(options: Any) -> Iterator[str]:
    for action in options.default_permissions:
        yield f"{action}_{options.model_name}"
    for codename, _ in options.permissions:
        yield codename


class _Runner(MigrationExecutor):
    """Django's executor, which looks before each migration where it is about to write."""

    def __init__(self, connection: BaseDatabaseWrapper, progress: Progress) -> None:
        super().__init__(connection, cast(Any, self._follow))
        self._progress = progress
        self._current = ""
        self._done = 0
        self.total = 0

    def _follow(self, action: str, migration: Any = None, fake: bool = False) -> None:
        if action == "apply_start":
            self._current = f"{migration.app_label}.{migration.name}"
            _require_incoming(self.connection)
        elif action == "apply_success":
            self._done += 1
            self._progress(
                Event(kind="progress", stage="stage", message=self._current, done=self._done, total=self.total)
            )

    def run(self, plan: list[Any]) -> None:
        try:
            # Made first, and by name: with public on the search path Django would take public's for this one.
            self.recorder.ensure_schema()
            self.migrate(None, plan=plan)
        except (
            django.db.Error,
            ObjectDoesNotExist,
            ValueError,
            TypeError,
            LookupError,
        ) as error:
            raise StagingError(
                f"Migration {self._current or 'planning'} does not run on PostgreSQL: {_first_line(error)}",
                detail=str(error).splitlines()[1:],
                remedy="Make the migration run on both databases (connection.vendor tells them apart), then run again.",
            ) from error


def _require_incoming(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        schema = cursor.fetchone()[0]
    if schema != INCOMING:
        raise StagingError(
            f"Migrations would have run into schema {schema or '(none)'} instead of {INCOMING}.",
            remedy="Remove search_path from the database's OPTIONS, from the role (ALTER ROLE ... RESET search_path) or"
            " from the pooler, or connect to PostgreSQL directly.",
        )


def with_squashed(loader: MigrationLoader, applied: Collection[Key]) -> set[Key]:
    """The applied keys, and each squashed migration whose replaced ones are all applied."""
    wanted = set(applied)
    for key, migration in loader.replacements.items():
        if all(replaced in wanted for replaced in migration.replaces):
            wanted.add(key)
    return wanted


def _require_consistent(loader: MigrationLoader, wanted: set[Key]) -> None:
    for key in sorted(wanted & set(loader.graph.nodes)):
        for parent in loader.graph.node_map[key].parents:
            if parent.key not in wanted:
                raise MigrationStateError(
                    f"The source has applied {'.'.join(key)}, but not {'.'.join(parent.key)}, on which it depends.",
                    remedy="Run manage.py migrate on the SQLite database first (DATABASE_URL unset), or see"
                    " manage.py showmigrations.",
                )


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
