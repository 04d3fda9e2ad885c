"""The schema that the applied migrations make on SQLite, learnt by running them there, in a scratch database.

A migration may change the database alone, or do something else on each kind of database: no migration state tells what
it makes. The scratch database is a private file with the project's own settings, and is thrown away; what is kept, so
that the next run need not do it again, are its statements, under a hash of all that they depend on.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, cast

import django
from django.apps import apps
from django.conf import global_settings, settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from migrate_to_pg.catalog import read_made
from migrate_to_pg.endpoints import SourceChoice
from migrate_to_pg.errors import MigrateToPgError
from migrate_to_pg.migrations import Key, SourceLoader, first_line, make_unmigrated_tables
from migrate_to_pg.records import Event, MadeTable
from migrate_to_pg.registry import historical_models
from migrate_to_pg.rules.sql import Sql
from migrate_to_pg.stand_in import importing_anew, standing_in
from migrate_to_pg.version import __version__
from migrate_to_pg.web_server import django_connection, sqlite_entry

Progress = Callable[[Event], None]

#: What is kept of earlier runs, at most.
_KEPT = 20
#: Settings of Django's own on which the tables of a project depend.
_SETTINGS = (
    "AUTH_USER_MODEL", "DATABASE_ROUTERS", "DEFAULT_AUTO_FIELD", "DEFAULT_INDEX_TABLESPACE", "DEFAULT_TABLESPACE",
    "INSTALLED_APPS", "LANGUAGES", "LANGUAGE_CODE", "MIGRATION_MODULES", "TIME_ZONE", "USE_TZ",
)  # fmt: skip
#: Tables first: whatever else there is names one of them.
_ORDER = ("table", "index", "view", "trigger")


class Statement(NamedTuple):
    """One line of sqlite_schema."""

    kind: str
    name: str
    table: str
    sql: str


@dataclass(frozen=True, kw_only=True)
class SqliteSchema:
    """What the applied migrations make on SQLite."""

    #: The database whose settings are used to open one.
    choice: SourceChoice | None = None
    statements: tuple[Statement, ...] = ()
    #: (app label, model name in lower case) -> table, of the models that the migrations have on SQLite.
    models: Mapping[tuple[str, str], str] = field(default_factory=dict)
    #: Why the migrations do not run on SQLite; '' where they do.
    complaint: str = ""

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """An empty database in memory with that schema, as the project opens one."""
        if self.choice is None:
            raise ValueError(self.complaint)
        with django_connection(self.choice, Path(":memory:")) as connection:
            database: sqlite3.Connection = connection.connection
            for statement in sorted(self.statements, key=lambda statement: _ORDER.index(statement.kind)):
                database.execute(Sql(statement.sql))
            yield database

    @cached_property
    def tables(self) -> Mapping[str, MadeTable] | None:
        """Name in lower case -> each table; None where the migrations do not run on SQLite."""
        if self.choice is None:
            return None
        with self.opened() as database:
            return read_made(database)


_learnt: dict[str, SqliteSchema] = {}


def learn(
    choice: SourceChoice, applied: Collection[Key], tables: Collection[str], progress: Progress = lambda _: None
) -> SqliteSchema:
    """Run the applied migrations on SQLite, or remember what they made there; ``tables`` are those of the source.

    Of applications without migrations the tables are made that the source has.
    """
    key = _key(choice, applied, tables)
    known = _learnt.get(key) or _remembered(key)
    if known is None:
        known = _run(choice, applied, tables, progress)
        if not known.complaint:
            _remember(key, known)
    if known.choice is None and not known.complaint:
        known = replace(known, choice=choice)
    _learnt[key] = known
    return known


def _run(choice: SourceChoice, applied: Collection[Key], tables: Collection[str], progress: Progress) -> SqliteSchema:
    """Nothing but the scratch database is reached; post_migrate is not sent, and nothing is printed."""
    with tempfile.TemporaryDirectory(prefix="migrate_to_pg-") as folder:
        entry = sqlite_entry(choice, Path(folder) / "scratch.sqlite3")
        try:
            with standing_in(choice.alias, entry) as connection, importing_anew(), redirect_stdout(io.StringIO()):
                loader = _migrate(connection, applied, progress)
                make_unmigrated_tables(connection, tables)
                return SqliteSchema(statements=tuple(_statements(connection)), models=historical_models(loader))
        except MigrateToPgError as error:
            return SqliteSchema(complaint=" ".join((str(error), *error.detail)))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a migration is the project's own code
            return SqliteSchema(complaint=first_line(error))


def _migrate(connection: BaseDatabaseWrapper, applied: Collection[Key], progress: Progress) -> SourceLoader:
    connection.ensure_connection()
    # Nothing of it need outlive a power cut.
    connection.connection.execute("PRAGMA synchronous = OFF")
    loader = SourceLoader(connection, applied)
    done = 0

    def follow(action: str, migration: Any = None, _fake: bool = False) -> None:
        nonlocal done
        if action == "apply_success":
            done += 1
            name = f"{migration.app_label}.{migration.name}"
            progress(Event(kind="progress", stage="catalog", message=name, done=done, total=len(plan)))

    executor = MigrationExecutor(connection, cast(Any, follow))
    executor.loader = loader
    full_plan = executor.migration_plan(loader.graph.leaf_nodes(), clean_start=True)
    plan = [step for step in full_plan if (step[0].app_label, step[0].name) in loader.wanted]
    executor.migrate(cast(Any, None), plan=plan, state=cast(Any, executor)._create_project_state())
    return loader


def _statements(connection: BaseDatabaseWrapper) -> Iterator[Statement]:
    """Every object's, but for what SQLite makes by itself: its own tables, and those of a virtual table's module."""
    database: sqlite3.Connection = connection.connection
    shadows = {row[1] for row in database.execute("PRAGMA main.table_list") if row[2] == "shadow"}
    rows = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
    for row in rows.fetchall():
        statement = Statement(*row)
        if statement.table not in shadows and not statement.name.startswith("sqlite_"):
            yield statement


def _key(choice: SourceChoice, applied: Collection[Key], tables: Collection[str]) -> str:
    """The hash of what the result depends on."""
    entry = {**sqlite_entry(choice, Path()), "NAME": ""}
    own = {name: value for name in dir(settings) if name.isupper() for value in (getattr(settings, name),)
           if name in _SETTINGS or not hasattr(global_settings, name)}  # fmt: skip
    plain = {name: value for name, value in own.items() if name != "DATABASES" and _is_plain(value)}
    facts = (
        (__version__, django.VERSION, sqlite3.sqlite_version, platform.python_version()),
        (choice.alias, entry, sorted(applied), sorted(tables), plain),
    )
    digest = hashlib.sha256(repr(facts).encode())
    for path in _sources():
        digest.update(repr(str(path)).encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _is_plain(value: object) -> bool:
    """Whether it is written the same in each process."""
    if isinstance(value, Mapping):
        return all(map(_is_plain, (*value.keys(), *value.values())))
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (str, int, float))


def _sources() -> list[Path]:
    """The files of every application but Django's, and of its migrations wherever they are."""
    folders = {Path(config.path) for config in apps.get_app_configs() if not _is_known(config.name)}
    for label in {config.label for config in apps.get_app_configs()}:
        module, _explicit = MigrationLoader.migrations_module(label)
        with contextlib.suppress(ImportError, ValueError):
            spec = find_spec(module) if module and not _is_known(module) else None
            folders.update(map(Path, (spec and spec.submodule_search_locations) or ()))
    loaded = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    libraries = (
        *(path for path in sys.path if path.endswith(("site-packages", "dist-packages"))),
        str(Path(os.__file__).parent),
        str(Path(__file__).parent),
    )
    helpers = {Path(path) for path in loaded if path and path.endswith(".py") and not path.startswith(libraries)}
    files = {path for folder in folders for path in _files(folder)} | {path for path in helpers if path.is_file()}
    return sorted(files)


def _is_known(name: str) -> bool:
    """Whether its version says what it holds."""
    return name.split(".")[0] in ("django", "migrate_to_pg")


def _files(folder: Path) -> Iterator[Path]:
    """The modules of a package, and whatever lies beside its migrations: they may read it."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if Path(place, name, "__init__.py").is_file()]
        beside = Path(place).name == "migrations" or place == str(folder)
        for name in names:
            if name.endswith(".py") or (beside and name.endswith((".sql", ".json", ".csv", ".yaml", ".yml", ".txt"))):
                yield Path(place, name)


def _folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "migrate_to_pg"


def _remembered(key: str) -> SqliteSchema | None:
    """What an earlier run of this user learnt; nothing that anybody else may have written."""
    try:
        folder = _folder()
        if folder.stat().st_uid != os.geteuid() or folder.stat().st_mode & 0o022:
            return None
        known = json.loads((folder / f"{key}.json").read_text())
        return SqliteSchema(
            statements=tuple(Statement(*map(str, line)) for line in known["statements"]),
            models={(label, name): table for label, name, table in known["models"]},
        )
    except (OSError, RuntimeError, ValueError, KeyError, TypeError):
        return None


def _remember(key: str, schema: SqliteSchema) -> None:
    """Where it cannot be kept the next run learns it anew."""
    models = [(*model, table) for model, table in schema.models.items()]
    text = json.dumps({"statements": schema.statements, "models": models})
    with contextlib.suppress(OSError, RuntimeError):
        folder = _folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(name).replace(folder / f"{key}.json")
        kept = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in kept[_KEPT:]:
            path.unlink(missing_ok=True)
