"""Name the models that the project itself defines, and the lines of their classes."""

from __future__ import annotations

import inspect
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.db import models, router

from migrate_to_pg.behaviour.records import Place
from migrate_to_pg.behaviour.sides import Sides
from migrate_to_pg.system.workdir import base_directory

#: Directories of what is installed, not written, by the project.
FOREIGN = frozenset({"site-packages", "dist-packages", "node_modules", ".venv", "venv", "__pycache__"})
_OWN_PACKAGE = "migrate_to_pg"


def is_own_folder(folder: Path) -> bool:
    """Return whether a folder holds code of the project, and not of a package that it installed."""
    return not (set(folder.parts) & FOREIGN or folder.is_relative_to(sysconfig.get_path("stdlib")))


def own_apps() -> Iterator[AppConfig]:
    """Yield the applications that the project itself defines."""
    for config in apps.get_app_configs():
        if config.name != _OWN_PACKAGE and is_own_folder(Path(config.path)):
            yield config


def own_models(sides: Sides) -> Iterator[type[models.Model]]:
    """Yield the models of these applications that have a table on both sides."""
    with sides.sqlite.cursor() as sqlite, sides.postgresql.cursor() as postgresql:
        there = {
            *sides.sqlite.introspection.table_names(sqlite, include_views=True),
        } & {*sides.postgresql.introspection.table_names(postgresql, include_views=True)}
    for config in own_apps():
        for model in config.get_models(include_auto_created=False):
            if model._meta.db_table in there and router.allow_migrate_model(sides.alias, model):
                yield model


def plain_rows(model: type[models.Model]) -> models.QuerySet[Any]:
    """Return all rows of a model. Its managers are not asked: they may want a request."""
    return models.QuerySet(model=model)


def place_of_class(kind: Any, name: str) -> Place:
    """Return the line at which a class is defined, with a name for what is meant in it."""
    try:
        path = Path(inspect.getsourcefile(kind) or "")
        line = inspect.getsourcelines(kind)[1]
    except (OSError, TypeError):
        return Place(name=name)
    return Place(file=shown_path(path), line=line, name=name)


def shown_path(path: Path) -> str:
    """Return a path as a reader finds it: from the project's directory, or from the working directory."""
    for folder in (base_directory(), Path.cwd()):
        if path.is_relative_to(folder):
            return str(path.relative_to(folder))
    return str(path)
