"""Tell which aliases of DATABASES lead to the copy while a command is tried, and which are left as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS

from migrate_to_pg.project.alias_override import location
from migrate_to_pg.project.source_database import SourceChoice, vendor_of
from migrate_to_pg.project.target_database import choose_target
from migrate_to_pg.trial.startup.sitecustomize import is_in_file


def aliases_of_target(choice: SourceChoice, target: str | None = None) -> tuple[str, ...]:
    """Return the aliases of the PostgreSQL databases that a move publishes to, but for the source's own.

    ``target`` is --target as it was typed.
    """
    named = (target, getattr(settings, "MIGRATE_TO_PG", {}).get("TARGET"), DEFAULT_DB_ALIAS)
    places = []
    for name in filter(None, named):
        known: Mapping[str, Any] | None = settings.DATABASES.get(name)
        if known is None and "://" in name:
            known = choose_target(name).database
        if known:
            places.append(location(known))
    return tuple(
        name
        for name, entry in settings.DATABASES.items()
        if name != choice.alias and vendor_of(entry) == "postgresql" and location(entry) in places
    )


def other_aliases(choice: SourceChoice, target: str | None = None) -> tuple[str, ...]:
    """Return the aliases that a command uses as the settings have them."""
    replaced = (choice.alias, *aliases_of_target(choice, target))
    return tuple(
        name
        for name, entry in settings.DATABASES.items()
        if name not in replaced and not is_in_file(entry, str(choice.path))
    )
