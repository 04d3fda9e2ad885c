"""The app registry and the applied migrations in; the models that have tables, and what a content type stands for, out.

A content type names a model by its application and its name; which table that is, only Django knows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

from django.apps import apps
from django.apps.registry import Apps
from django.db import models, router
from django.db.backends.utils import truncate_name
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState, ProjectState

from migrate_to_pg.migrations import Key, SourceLoader
from migrate_to_pg.records import GenericKey

#: PostgreSQL's longest name, to which Django cuts a table's.
_LONGEST_NAME = 63


def applied_models(applied: Collection[Key]) -> Apps:
    """The models as of the applied migrations."""
    return cast(Apps, _state(SourceLoader(None, applied)).apps)


def has_table(model: type[models.Model]) -> bool:
    """Whether Django makes a table for it, many-to-many tables included."""
    return model._meta.managed and not model._meta.proxy and not model._meta.swapped


def stored_models(applied: Collection[Key], alias: str) -> Iterator[type[models.Model]]:
    """The models as of the applied migrations that have a table in this database, as the project's routers say.

    Of applications without migrations the installed ones: a state has them without their relations.
    """
    loader = SourceLoader(None, applied)
    bare = loader.unmigrated_apps
    known = _state(loader).apps.get_models(include_auto_created=True)
    installed = apps.get_models(include_auto_created=True)
    wanted = [m for m in known if m._meta.app_label not in bare] + [m for m in installed if m._meta.app_label in bare]
    for model in filter(has_table, wanted):
        # A many-to-many table is made with the model that declares it, whatever the routers say of itself.
        if router.allow_migrate_model(alias, cast(type[models.Model], model._meta.auto_created or model)):
            yield model


def _state(loader: SourceLoader) -> ProjectState:
    wanted = loader.wanted & set(loader.graph.nodes)
    # project_state reads an empty list as "every leaf".
    leaves = [key for key in sorted(wanted) if not _is_followed(loader, key, wanted)]
    return loader.project_state(cast(Any, leaves)) if leaves else ProjectState()


def _is_followed(loader: MigrationLoader, key: Key, wanted: set[Key]) -> bool:
    return any(child.key in wanted for child in loader.graph.node_map[key].children)


def content_models(applied: Collection[Key]) -> dict[tuple[str, str], str]:
    """(app label, model name in lower case) -> its table: the installed models, and those of the applied migrations.

    A proxy's table is that of the model behind it.
    """
    installed = {
        (model._meta.app_label, str(model._meta.model_name)): unquoted(model._meta.db_table)
        for model in apps.get_models(include_auto_created=True)
    }
    return installed | historical_models(SourceLoader(None, applied))


def historical_models(loader: SourceLoader) -> dict[tuple[str, str], str]:
    """The same of the models of a loader's applied migrations alone."""
    return dict(_historical(_state(loader).models))


def _historical(states: Mapping[tuple[str, str], ModelState]) -> Iterator[tuple[tuple[str, str], str]]:
    """Without making classes of the states, which takes its time."""
    for key, state in states.items():
        while state.options.get("proxy"):
            behind = next((states[base] for base in map(_key, state.bases) if base in states), None)
            if behind is None:
                break
            state = behind
        if not state.options.get("proxy"):
            table = state.options.get("db_table") or f"{state.app_label}_{state.name_lower}"
            yield key, unquoted(truncate_name(str(table), _LONGEST_NAME))


def _key(base: str | type[models.Model]) -> tuple[str, str]:
    """A base as a state names it: "app.model", or a class such as Model itself."""
    label, _, name = base.partition(".") if isinstance(base, str) else ("", "", "")
    return label, name.lower()


def generic_keys() -> tuple[GenericKey, ...]:
    """The generic foreign keys of every installed model, and the one that the admin's log keeps by hand."""
    return tuple(sorted(set(_generic_keys()), key=lambda key: (key.table, key.object_column)))


def _generic_keys() -> Iterator[GenericKey]:
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.private_fields:
            # A GenericForeignKey, whose module cannot be imported without contenttypes.
            if hasattr(field, "ct_field") and hasattr(field, "fk_field"):
                yield _generic_key(model, field.ct_field, field.fk_field)
    if apps.is_installed("django.contrib.admin"):
        yield _generic_key(apps.get_model("admin", "LogEntry"), "content_type", "object_id")


def _generic_key(model: type[models.Model], content_type: str, object_id: str) -> GenericKey:
    fields = [cast(Any, model._meta.get_field(name)) for name in (content_type, object_id)]
    return GenericKey(
        # An inherited key is in the table of the model that declares it.
        table=unquoted(fields[1].model._meta.db_table),
        content_type_column=fields[0].column,
        object_column=fields[1].column,
    )


def unquoted(name: str) -> str:
    """A table's name that db_table gives with its quotes, which Django then leaves as they are."""
    return name[1:-1].replace('""', '"') if name.startswith('"') and name.endswith('"') else name
