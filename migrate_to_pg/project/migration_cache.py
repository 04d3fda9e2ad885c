"""Cache the results of a project's migrations under a hash of everything that they depend on.

Where the cache cannot be written the next run computes them again. A file that others may have written is not read.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import sqlite3
import sys
from collections.abc import Collection, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.conf import global_settings, settings
from django.db.migrations.loader import MigrationLoader

from migrate_to_pg import __version__
from migrate_to_pg.project.migration_files import Key
from migrate_to_pg.project.source_database import SourceChoice
from migrate_to_pg.project.sqlite_connection import sqlite_entry
from migrate_to_pg.system.write_file import write_file

#: A word in quotes, as the code names a variable of the environment.
_VARIABLE = re.compile(rb"""["']([A-Za-z_][A-Za-z0-9_]*)(?=["'])""")
#: The address of a database. Migrations may differ by its kind, and not by its place, its name or its password.
_ADDRESS = re.compile(r"(postgres\w*|postgis|pgsql|sqlite\w*|spatialite|mysql\w*|mariadb|oracle\w*|mssql\w*)://")
_MAX_ENTRIES = 100
_PACKAGE = Path(__file__).parents[1]
#: Settings of Django's own on which the tables of a project depend.
_SETTINGS = (
    "AUTH_USER_MODEL", "DATABASE_ROUTERS", "DEFAULT_AUTO_FIELD", "DEFAULT_INDEX_TABLESPACE", "DEFAULT_TABLESPACE",
    "INSTALLED_APPS", "LANGUAGES", "LANGUAGE_CODE", "MIGRATION_MODULES", "TIME_ZONE", "USE_TZ",
)  # fmt: skip


def key_of(choice: SourceChoice, applied: Collection[Key], tables: Collection[str]) -> str:
    """Return the hash of everything that the result depends on, ``tables`` that no migration makes among it."""
    entry = {**sqlite_entry(choice, Path()), "NAME": ""}
    own = [name for name in dir(settings) if name.isupper() and not hasattr(global_settings, name)]
    plain = plain_settings([*_SETTINGS, *own])
    facts = (
        (__version__, django.VERSION, sqlite3.sqlite_version, platform.python_version()),
        (choice.alias, entry, sorted(applied), sorted(tables), plain),
    )
    digest = hashlib.sha256(repr(facts).encode())
    quoted: set[bytes] = set()
    for path in _sources():
        source = path.read_bytes()
        digest.update(repr(str(path)).encode() + hashlib.sha256(source).digest())
        # What this package reads makes no difference to the migrations.
        if _PACKAGE not in path.parents:
            quoted.update(_VARIABLE.findall(source))
    # A migration, or what it imports, may read them. A shell puts into _ what it starts.
    quoted.discard(b"_")
    variables = sorted((name, _known_part(value)) for name, value in os.environ.items() if os.fsencode(name) in quoted)
    digest.update(repr(variables).encode())
    return digest.hexdigest()


def _known_part(value: str) -> str:
    """Return a variable's value. Of the address of a database return only which kind it is."""
    address = _ADDRESS.match(value)
    return address[0] if address else value


def plain_settings(names: Collection[str] = _SETTINGS) -> dict[str, object]:
    """Return these settings, each whose text is the same in every process."""
    found = {name: getattr(settings, name) for name in names}
    return {name: value for name, value in sorted(found.items()) if is_plain(value)}


def is_plain(value: object) -> bool:
    """Report whether the value's repr is the same in each process."""
    if isinstance(value, Mapping):
        return all(map(is_plain, (*value.keys(), *value.values())))
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    return value is None or isinstance(value, (str, int, float))


def _sources() -> list[Path]:
    """Return the files of every application but Django's, and of its migrations wherever they are."""
    folders = {Path(config.path) for config in apps.get_app_configs() if not _is_versioned(config.name)}
    # The result also depends on this code.
    folders |= {_PACKAGE / "planning", _PACKAGE / "project"}
    folders.update(_migration_folders())
    loaded = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    libraries = (
        *(path for path in sys.path if path.endswith(("site-packages", "dist-packages"))),
        str(Path(os.__file__).parent),
        f"{_PACKAGE}{os.sep}",
    )
    helpers = {Path(path) for path in loaded if path and path.endswith(".py") and not path.startswith(libraries)}
    files = {path for folder in folders for path in _files(folder)} | {path for path in helpers if path.is_file()}
    return sorted(files)


def migration_sources() -> list[Path]:
    """Return the migrations of every application but Django's, with the data files beside them."""
    return sorted({path for folder in _migration_folders() for path in _files(folder)})


def _migration_folders() -> Iterator[Path]:
    for label in {config.label for config in apps.get_app_configs()}:
        module, _explicit = MigrationLoader.migrations_module(label)
        with contextlib.suppress(ImportError, ValueError):
            spec = find_spec(module) if module and not _is_versioned(module) else None
            yield from map(Path, (spec and spec.submodule_search_locations) or ())


def _is_versioned(name: str) -> bool:
    """Report whether the package's version determines its content."""
    return name.split(".")[0] in ("django", "migrate_to_pg")


def _files(folder: Path) -> Iterator[Path]:
    """Yield the modules of a package, and the data files beside its migrations, which may read them."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if Path(place, name, "__init__.py").is_file()]
        beside = Path(place).name == "migrations" or place == str(folder)
        for name in names:
            if name.endswith(".py") or (beside and name.endswith((".sql", ".json", ".csv", ".yaml", ".yml", ".txt"))):
                yield Path(place, name)


def recall(key: str) -> Any:
    """Return what an earlier run of this user kept, or None."""
    try:
        folder = _folder()
        if folder.stat().st_uid != os.geteuid() or folder.stat().st_mode & 0o022:
            return None
        kept = folder / f"{key}.json"
        value = json.loads(kept.read_text())
    except (OSError, RuntimeError, ValueError):
        return None
    # Those that were used last are kept.
    with contextlib.suppress(OSError):
        os.utime(kept)
    return value


def keep(key: str, value: object) -> None:
    """Keep a value that JSON can hold."""
    with contextlib.suppress(OSError, RuntimeError):
        folder = _folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(folder / f"{key}.json", json.dumps(value))
        kept = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in kept[_MAX_ENTRIES:]:
            path.unlink(missing_ok=True)


def _folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "migrate_to_pg"
