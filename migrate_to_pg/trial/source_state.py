"""Compute what a kept copy depends on: while it is the same, the copy is used again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import django
from django.apps import apps
from django.db import models

from migrate_to_pg import __version__
from migrate_to_pg.project.migration_cache import is_plain, migration_sources, plain_settings
from migrate_to_pg.project.source_database import SourceChoice
from migrate_to_pg.records import Options
from migrate_to_pg.sqlite.source_files import file_stamp

#: Options that decide what the copy holds.
_OPTIONS = (
    "verify", "fix", "quarantine", "exact_decimals", "leftovers", "from_models", "as_leftovers", "exclude_data",
    "schema", "engine",
)  # fmt: skip


def state_of(options: Options, choice: SourceChoice) -> str:
    """Return a hash of the source's state, the options, and the code on which tables and values depend.

    Code that makes neither, such as a view or a method of a model, is not part of it. Neither is a module that a
    migration imports from elsewhere: --fresh is for that.
    """
    facts = (
        (__version__, django.VERSION, str(choice.path), file_stamp(choice.path), choice.alias, choice.time_zone),
        [(name, getattr(options, name)) for name in _OPTIONS],
        plain_settings(),
        [(model._meta.label, *_facts_of(model)) for model in apps.get_models(include_auto_created=True)],
        [(str(path), hashlib.sha256(path.read_bytes()).hexdigest()) for path in migration_sources()],
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _facts_of(model: type[models.Model]) -> Iterator[Any]:
    """Yield the parts of a model that decide about its table."""
    options = {name: value for name, value in model._meta.original_attrs.items() if is_plain(value)}
    yield model._meta.db_table, sorted(options.items())
    for part in (*model._meta.local_fields, *model._meta.constraints, *model._meta.indexes):
        path, *_, arguments = part.deconstruct()
        plain = {name: value for name, value in arguments.items() if is_plain(value)}
        yield getattr(part, "attname", part.name), path, sorted(plain.items())
