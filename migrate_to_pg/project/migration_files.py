"""Read the project's migration files beside the source's record, and what its models have without a migration.

Importing a migration is the project's own code, which may raise anything.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Collection, Iterable
from traceback import extract_tb
from types import ModuleType
from typing import Any

import django.db
import psycopg
from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.exceptions import BadMigrationError, CircularDependencyError, NodeNotFoundError
from django.db.migrations.loader import MigrationLoader

from migrate_to_pg.errors import MigrationStateError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import FreshRows

Key = tuple[str, str]
#: Django's operations that run code or SQL of the project.
_WITH_CODE = ("RunPython", "RunSQL", "SeparateDatabaseAndState")


def has_migrations() -> bool:
    """Return whether any application has migrations: MIGRATION_MODULES may switch all of them off."""
    return bool(SourceLoader(None, ()).migrated_apps)


def modules_with_code(applied: Collection[Key]) -> list[ModuleType]:
    """Return the modules of the project's migrations with code or SQL of their own, which may make rows."""
    found = []
    for migration in SourceLoader(None, applied).graph.nodes.values():
        # Django's own migrations change rows but make none.
        if migration is None or type(migration).__module__.startswith("django."):
            continue
        kinds = [type(operation) for operation in migration.operations]
        if any(kind.__name__ in _WITH_CODE or not kind.__module__.startswith("django.") for kind in kinds):
            found.append(sys.modules[type(migration).__module__])
    return found


def may_differ_by_vendor(modules: Iterable[ModuleType]) -> bool:
    """Report whether a migration's source names a vendor, so that it may make other rows on PostgreSQL."""
    return any("vendor" in inspect.getsource(module) for module in modules)


class SourceLoader(MigrationLoader):
    """The migration files as Django sees them beside the source's record, squashed migrations included.

    Raise MigrationStateError where Django cannot make one graph of them.
    """

    def __init__(self, connection: BaseDatabaseWrapper | None, applied: Collection[Key]) -> None:
        self._given = frozenset(applied)
        self._recorded: dict[Key, Any] = dict.fromkeys(applied)
        try:
            super().__init__(connection, ignore_no_migrations=True)
        except (BadMigrationError, CircularDependencyError, NodeNotFoundError) as error:
            raise MigrationStateError(
                _("The project's migrations do not make one graph: {first_line}", first_line=first_line(error)),
                remedy=_("Run manage.py showmigrations on the SQLite database, and correct what it shows."),
            ) from error
        except Exception as error:  # importing a migration is the project's own code: it may raise anything
            raise MigrationStateError(
                _("A migration of the project cannot be imported: {first_line}", first_line=first_line(error)),
                detail=[where] if (where := _error_position(error)) else [],
                remedy=_("Run manage.py showmigrations on the SQLite database, and correct what it shows."),
            ) from error

    @property
    def applied_migrations(self) -> dict[Key, Any]:
        """The migrations that the source has applied, whatever the loader's database has."""
        return self._recorded

    @applied_migrations.setter
    def applied_migrations(self, read: object) -> None:
        """Keep the source's record where Django's loader puts in what its own database has applied."""

    @property
    def wanted(self) -> set[Key]:
        """The migrations to apply in staging. A squashed one counts although its replaced ones are not recorded."""
        return set(self._recorded) | (self._given & set(self.graph.nodes))


def _error_position(error: BaseException) -> str:
    """Return file and line of the innermost frame."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}"
    frames = extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def first_line(error: BaseException) -> str:
    """Return the first line of the database's message, or of the project's own error with its type."""
    lines = str(error).splitlines() or [""]
    return lines[0] if isinstance(error, (django.db.Error, psycopg.Error)) else f"{type(error).__name__}: {lines[0]}"


def fresh_rows() -> FreshRows:
    """Return what Django's post_migrate receivers put into an empty database, for the installed models."""
    permissions: set[tuple[str, str, str]] = set()
    # Unmanaged models have permissions although they have no table.
    for options in (model._meta for model in apps.get_models(include_auto_created=True)):
        actions = [f"{action}_{options.model_name}" for action in options.default_permissions]
        codenames = [*actions, *(codename for codename, *__ in options.permissions)]
        permissions.update((options.app_label, str(options.model_name), codename) for codename in codenames)
    names = {(model._meta.app_label, str(model._meta.model_name)) for model in apps.get_models()}
    return FreshRows(content_types=frozenset(names), permissions=frozenset(permissions))
