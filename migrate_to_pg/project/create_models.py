"""The applied migrations in, the tables of their models made in the incoming schema out: no migration is run.

The way out where migrations do not run on PostgreSQL. Each model is made as Django's schema editor makes it for a first
migration; what RunSQL and RunPython make besides is not there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import django.db
from django.db.backends.base.base import BaseDatabaseWrapper

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.migrations import Key, Progress, model_refused, recording, require_incoming
from migrate_to_pg.project.registry import Model, Registry
from migrate_to_pg.records import Event, folded


def create_model_tables(connection: BaseDatabaseWrapper, registry: Registry, progress: Progress) -> tuple[Key, ...]:
    """Make the table of every managed model as of the applied migrations; returns those that are not applied.

    Raises MigrationStateError where the migration files make no graph, StagingError naming the model that PostgreSQL
    does not take.
    """
    with recording(connection):
        # Those of apps without migrations are made by themselves, as after migrations; many-to-many tables with the
        # models that declare them.
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
    """What ``migrate --run-syncdb`` makes: the tables of apps without migrations, where the source has them."""
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
    """Make the tables of models that no migration makes; their own keys and indexes once the block has made the rest.

    Before the rest, since its foreign keys may lead to them. Raises StagingError where PostgreSQL does not take one.
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
