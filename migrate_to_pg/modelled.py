"""The applied migrations in, the tables of their models made in the incoming schema out: no migration is run.

The way out where migrations do not run on PostgreSQL. Each model is made as Django's schema editor makes it for a first
migration; what RunSQL and RunPython make besides is not there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import django.db
from django.db import models, router
from django.db.backends.base.base import BaseDatabaseWrapper

from migrate_to_pg.language import gettext as _
from migrate_to_pg.migrations import Key, Progress, SourceLoader, model_refused, recording
from migrate_to_pg.records import Event
from migrate_to_pg.registry import applied_models, has_table


def make_models(connection: BaseDatabaseWrapper, applied: Collection[Key], progress: Progress) -> tuple[Key, ...]:
    """Make the table of every managed model as of the applied migrations; returns those that are not applied.

    Raises MigrationStateError where the migration files make no graph, StagingError naming the model that PostgreSQL
    does not take.
    """
    with recording(connection):
        loader = SourceLoader(connection, applied)
    # Those of apps without migrations are made by themselves, as after migrations.
    made = [m for m in _managed(connection, applied) if m._meta.app_label not in loader.unmigrated_apps]
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
    return tuple(sorted(set(loader.graph.nodes) - loader.wanted))


def _managed(connection: BaseDatabaseWrapper, applied: Collection[Key]) -> Iterator[type[models.Model]]:
    """The models that migrations would make here; their many-to-many tables are made with them."""
    for model in applied_models(applied).get_models():
        stored = has_table(model) and model._meta.can_migrate(connection)
        if stored and router.allow_migrate_model(connection.alias, model):
            yield model
