"""Replace the project's database once Django has read the settings, or call a function once Django is ready.

Both work whichever module or call gives the settings.

Python imports this module at its start, in each process of a command that is tried. It imports nothing of this
package: the project's own environment need not have it yet on its path.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

#: Variable with the aliases, the entry of DATABASES that replaces theirs, and the SQLite file that was copied.
DATABASE = "MIGRATE_TO_PG_TRY_DATABASE"
#: Variable with what is called once Django's applications are ready: module:function.
WHEN_READY = "MIGRATE_TO_PG_WHEN_READY"
#: Parts of an entry that mean the same on every database.
_KEPT = ("ATOMIC_REQUESTS", "AUTOCOMMIT", "CONN_MAX_AGE", "CONN_HEALTH_CHECKS")
_KEPT_OF_TESTS = ("DEPENDENCIES", "MIRROR", "MIGRATE", "SERIALIZE")


def replace_database(databases: Any, aliases: list[str], entry: dict[str, Any], origin: str) -> None:
    """Put the copy into DATABASES in place, at these aliases and wherever else the file of ``origin`` is."""
    files = {name for name, former in databases.items() if is_in_file(former, origin)}
    for name in {*aliases, *files}:
        former = databases.get(name) or {}
        tests = {key: value for key, value in (former.get("TEST") or {}).items() if key in _KEPT_OF_TESTS}
        kept = {key: former[key] for key in _KEPT if key in former}
        databases[name] = {**copy.deepcopy(entry), **kept, "TEST": {**entry.get("TEST", {}), **tests}}


def is_in_file(entry: Any, origin: str) -> bool:
    """Report whether an entry of DATABASES names this SQLite file."""
    name = str(entry.get("NAME") or "")
    return "sqlite" in str(entry.get("ENGINE")) and os.path.realpath(name) == os.path.realpath(origin)


def _patch_settings(module: ModuleType) -> None:
    """Make ``django.conf`` replace the database as soon as it has settings."""
    replaced = json.loads(os.environ[DATABASE])
    original_setup, original_configure = module.LazySettings._setup, module.LazySettings.configure

    def setup(self: Any, name: str | None = None) -> None:
        original_setup(self, name)
        replace_database(self._wrapped.DATABASES, **replaced)

    def configure(self: Any, *args: Any, **options: Any) -> None:
        original_configure(self, *args, **options)
        replace_database(options.setdefault("DATABASES", {}), **replaced)
        self._wrapped.DATABASES = options["DATABASES"]

    module.LazySettings._setup = setup
    module.LazySettings.configure = configure


def _patch_registry(module: ModuleType) -> None:
    """Make ``django.apps.registry`` call the function once the project's applications are ready."""
    name, _, function = os.environ[WHEN_READY].partition(":")
    original = module.Apps.populate

    def populate(self: Any, installed_apps: Any = None) -> None:
        original(self, installed_apps)
        # Migrations have registries of their own.
        if self is module.apps and self.ready:
            module.Apps.populate = original
            getattr(importlib.import_module(name), function)()

    module.Apps.populate = populate


class _Finder:
    """Find modules as Python does, and patch some of them once they were executed."""

    def __init__(self, patches: dict[str, Callable[[ModuleType], None]]) -> None:
        self._patches = patches

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return the spec of a module that is to be patched."""
        patch = self._patches.pop(name, None)
        spec = importlib.util.find_spec(name) if patch else None
        if patch is None or spec is None or spec.loader is None:
            return None
        loader, execute = spec.loader, spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            patch(module)

        loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _run_other_sitecustomize() -> None:
    """Execute the ``sitecustomize`` that this one hides, such as Debian's."""
    here = Path(__file__).parent.resolve()
    path = [place for place in sys.path if Path(place or ".").resolve() != here]
    spec = PathFinder.find_spec("sitecustomize", path)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def _patches() -> dict[str, Callable[[ModuleType], None]]:
    """Return what is to be patched in this process: module -> by which function."""
    patches: dict[str, Callable[[ModuleType], None]] = {}
    if os.environ.get(DATABASE):
        patches["django.conf"] = _patch_settings
    if os.environ.get(WHEN_READY):
        patches["django.apps.registry"] = _patch_registry
    if os.environ.get("MIGRATE_TO_PG_OUTCOMES"):
        # It is beside this module, on the path that led to it.
        outcomes = importlib.import_module("migrate_to_pg_outcomes")
        patches |= {"unittest.suite": outcomes.patch_suites, "django.db.utils": outcomes.patch_errors}
    return patches


if __name__ == "sitecustomize":
    if patches := _patches():
        sys.meta_path.insert(0, _Finder(patches))
    _run_other_sitecustomize()
