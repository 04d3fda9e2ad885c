"""Create the tables of the applied migrations' models in the incoming schema without running migrations.

This is for migrations that do not run on PostgreSQL. Each model is made as Django's schema editor makes it for a first
migration. What RunSQL and RunPython make besides is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import django.db
from django.db.backends.base.base import BaseDatabaseWrapper

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.migrations import Key, model_refused, recording, require_incoming
from migrate_to_pg.project.registry import Model, Registry
from migrate_to_pg.records import Event, Progress, folded


def create_model_tables(connection: BaseDatabaseWrapper, registry: Registry, progress: Progress) -> tuple[Key, ...]:
    """Create the table of every managed model of the applied migrations. Return the migrations not applied.

    Raise MigrationStateError where the migration files make no graph, StagingError with the model that PostgreSQL
    rejects.
    """
    with recording(connection):
        # Tables of apps without migrations are made separately, as after migrations. Many-to-many tables are made with
        # the models that declare them.
        made = [
            model
            for model in registry.stored_models()
            if model._meta.app_label not in registry.unmigrated_apps
            and not model._meta.auto_created
            and model._meta.can_migrate(connection)
        ]
    current = ""
    try:
        with connection.schema_editor() as editor:
            for number, model in enumerate(made, 1):
                current = model._meta.label
                editor.create_model(model)
                progress(Event(kind="progress", stage="stage", message=current, done=number, total=len(made)))
            current = _("(foreign keys and indexes)")
    except django.db.Error as error:
        raise model_refused(connection, current, error) from error
    return registry.unapplied


def make_unmigrated_tables(connection: BaseDatabaseWrapper, registry: Registry, source_tables: Collection[str]) -> None:
    """Create the tables of apps without migrations, where the source has them, as ``--run-syncdb`` does."""
    there = {folded(name) for name in source_tables}
    sources = {name.label: name.source for name in registry.names}
    current = ""
    try:
        with connection.schema_editor() as editor:
            for model in registry.stored_models(on_sqlite=connection.vendor == "sqlite"):
                is_bare = model._meta.app_label in registry.unmigrated_apps and not model._meta.auto_created
                current = model._meta.label
                if is_bare and model._meta.can_migrate(connection) and folded(sources[current]) in there:
                    editor.create_model(model)
            current = _("(foreign keys and indexes)")
    except django.db.Error as error:
        raise model_refused(connection, current, error) from error


@contextmanager
def made_from(connection: BaseDatabaseWrapper, chosen: Collection[Model]) -> Iterator[None]:
    """Create the tables of models that no migration makes, and their keys and indexes after the block.

    They come first since foreign keys of the others may refer to them. Raise StagingError where PostgreSQL rejects one.
    """
    later: list[Any] = []
    if chosen:
        require_incoming(connection)
    for model in chosen:
        try:
            with connection.schema_editor() as editor:
                editor.create_model(model)
                later += editor.deferred_sql
                editor.deferred_sql.clear()
        except django.db.Error as error:
            raise model_refused(connection, model._meta.label, error) from error
    yield
    try:
        with connection.schema_editor() as editor:
            for statement in later:
                editor.execute(statement)
    except django.db.Error as error:
        raise model_refused(connection, _("(foreign keys and indexes)"), error) from error
