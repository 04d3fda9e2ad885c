"""Redirect the project's database aliases to a staging database for a while.

A data migration that forgets ``using=`` then writes to staging, whichever alias the project calls its database. One
that uses another database is stopped before it repeats there what it did when it was first run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NoReturn

from django.apps import apps
from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.utils import ConnectionHandler

from migrate_to_pg.errors import StagingError
from migrate_to_pg.i18n import gettext as _

#: A PostgreSQL database for asking Django's backend, never connected to.
NOWHERE = {"ENGINE": "django.db.backends.postgresql", "NAME": "nowhere"}


@contextmanager
def override_alias(alias: str, entry: Mapping[str, Any]) -> Iterator[BaseDatabaseWrapper]:
    """Make ``alias`` mean the database of ``entry`` in this thread, and restore all aliases afterwards.

    Aliases of the same database, not yet staged, lead there as well. All others raise StagingError when used.
    """
    former_entry = settings.DATABASES.get(alias)
    former = {name: connections[name] for name in settings.DATABASES}
    settings.DATABASES[alias] = dict(entry)
    connection = ConnectionHandler(settings.DATABASES)[alias]
    for name in former:
        same = name == alias or location(settings.DATABASES[name]) == location(entry)
        connections[name] = connection if same else _refusing_connection(name)
    connections[alias] = connection
    try:
        yield connection
    finally:
        connection.close()
        # Django itself does not close a database in memory.
        if connection.connection is not None:
            connection.connection.close()
        if former_entry is None:
            del settings.DATABASES[alias]
            del connections[alias]
        else:
            settings.DATABASES[alias] = former_entry
        for name, wrapper in former.items():
            connections[name] = wrapper


@contextmanager
def reimport_migrations() -> Iterator[None]:
    """Import the project's migrations again, for the databases that the aliases mean now, and restore them.

    A migration may ask for the kind of database while it is imported, and have other operations on each.
    """
    former = forget_migrations()
    try:
        yield
    finally:
        forget_migrations()
        sys.modules.update(former)


def forget_migrations() -> dict[str, ModuleType]:
    """Remove the project's migrations from sys.modules, so that the next import reloads them. Return them."""
    packages = {MigrationLoader.migrations_module(config.label)[0] for config in apps.get_app_configs()}
    prefixes = tuple(f"{package}." for package in packages if package)
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith(prefixes)}


def location(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what says which database an entry of DATABASES names."""
    # The folder of a socket may be an option: postgres://user@/name?host=/run/postgresql.
    host = entry.get("HOST") or entry.get("OPTIONS", {}).get("host")
    port = entry.get("PORT") or entry.get("OPTIONS", {}).get("port")
    return tuple(str(part or "") for part in (host, port, entry.get("NAME")))


def _refusing_connection(alias: str) -> BaseDatabaseWrapper:
    wrapper: Any = ConnectionHandler(settings.DATABASES)[alias]

    def refuse() -> NoReturn:
        raise StagingError(
            _("A migration uses the database {alias!r}, which is not the one that is moved.", alias=alias),
            remedy=_(
                "What it did there when it was first run must not be done again: let it use"
                " schema_editor.connection.alias, or do nothing on PostgreSQL."
            ),
        )

    wrapper.connect = refuse
    return wrapper  # type: ignore[no-any-return]
