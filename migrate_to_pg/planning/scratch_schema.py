"""Run the applied migrations on SQLite in a scratch database to learn the schema that they make there.

A migration may change the database alone, or do something else on each kind of database, so no migration state shows
what it makes. The scratch database is a private file with the project's own settings, and is removed. Its statements
are cached under a hash of everything that they depend on.
"""

from __future__ import annotations

import io
import sqlite3
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, cast

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from migrate_to_pg.errors import MigrateToPgError
from migrate_to_pg.planning import read_made
from migrate_to_pg.project.alias_override import override_alias, reimport_migrations
from migrate_to_pg.project.migration_cache import keep, key_of, recall
from migrate_to_pg.project.migration_files import Key, SourceLoader, first_line
from migrate_to_pg.project.migrations import make_unmigrated_tables, unmigrated_models
from migrate_to_pg.project.registry import Registry, historical_models
from migrate_to_pg.project.source_database import SourceChoice
from migrate_to_pg.project.sqlite_connection import django_connection, sqlite_entry
from migrate_to_pg.records import Event, MadeTable, Progress
from migrate_to_pg.sqlite.sql import Sql, compose, name

#: Tables first: all other objects refer to them.
_ORDER = ("table", "index", "view", "trigger")


class Statement(NamedTuple):
    """One row of sqlite_schema."""

    kind: str
    name: str
    table: str
    sql: str


@dataclass(frozen=True, kw_only=True)
class SqliteSchema:
    """The schema that the applied migrations make on SQLite."""

    #: The database whose settings are used to open one.
    choice: SourceChoice | None = None
    statements: tuple[Statement, ...] = ()
    #: (app label, model name in lower case) -> table, of the models that the migrations have on SQLite.
    models: Mapping[tuple[str, str], str] = field(default_factory=dict)
    #: Table -> the rows that the migrations put into it.
    rows: Mapping[str, int] = field(default_factory=dict)
    #: Why the migrations do not run on SQLite, or ''.
    complaint: str = ""
    #: Hash of everything that the schema depends on.
    key: str = ""

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """Open an empty database in memory with that schema, as the project opens one."""
        if self.choice is None:
            raise ValueError(self.complaint)
        with django_connection(self.choice, Path(":memory:")) as connection:
            database: sqlite3.Connection = connection.connection
            for statement in sorted(self.statements, key=lambda statement: _ORDER.index(statement.kind)):
                database.execute(Sql(statement.sql))
            yield database

    @cached_property
    def tables(self) -> Mapping[str, MadeTable] | None:
        """Name in lower case -> table, or None where the migrations do not run on SQLite."""
        if self.choice is None:
            return None
        with self.opened() as database:
            return read_made(database)


_cache: dict[str, SqliteSchema] = {}


def learn(
    choice: SourceChoice, registry: Registry, tables: Collection[str], progress: Progress = lambda _: None
) -> SqliteSchema:
    """Run the applied migrations on SQLite, or recall what they made there.

    ``registry`` has the applied migrations. ``tables`` are those of the source: of applications without migrations the
    tables are made that the source has.
    """
    bare = [model._meta.db_table for model in unmigrated_models(registry, tables, on_sqlite=True)]
    key = key_of(choice, registry.applied, bare)
    known = _cache.get(key) or _recalled(key)
    if known is None:
        known = _run(choice, registry, tables, progress)
        if not known.complaint:
            models = [(*model, table) for model, table in known.models.items()]
            keep(key, {"statements": known.statements, "models": models, "rows": known.rows})
    if known.choice is None and not known.complaint:
        known = replace(known, choice=choice, key=key)
    _cache[key] = known
    return known


def _run(choice: SourceChoice, registry: Registry, tables: Collection[str], progress: Progress) -> SqliteSchema:
    """Migrate the scratch database alone, without post_migrate and without output."""
    with tempfile.TemporaryDirectory(prefix="migrate_to_pg-") as folder:
        entry = sqlite_entry(choice, Path(folder) / "scratch.sqlite3")
        try:
            with (
                override_alias(choice.alias, entry) as connection,
                reimport_migrations(),
                redirect_stdout(io.StringIO()),
            ):
                loader = _migrate(connection, registry.applied, progress)
                make_unmigrated_tables(connection, registry, tables)
                statements = tuple(read_statements(connection.connection))
                names = [statement.name for statement in statements if statement.kind == "table"]
                rows = {}
                for table in names:
                    # Django takes a name with quotes for one that is quoted.
                    query = compose("SELECT count(*) FROM {table}", table=name(table))
                    rows[table] = int(connection.connection.execute(query).fetchone()[0])
                return SqliteSchema(statements=statements, models=historical_models(loader), rows=rows)
        except MigrateToPgError as error:
            return SqliteSchema(complaint=" ".join((str(error), *error.detail)))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a migration is the project's own code
            return SqliteSchema(complaint=first_line(error))


def _migrate(connection: BaseDatabaseWrapper, applied: Collection[Key], progress: Progress) -> SourceLoader:
    connection.ensure_connection()
    # The scratch database need not survive a power cut.
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


def read_statements(database: sqlite3.Connection) -> Iterator[Statement]:
    """Yield the statements of all objects but those that SQLite or a virtual table's module makes by itself."""
    shadows = {row[1] for row in database.execute("PRAGMA main.table_list") if row[2] == "shadow"}
    rows = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
    for row in rows.fetchall():
        statement = Statement(*row)
        if statement.table not in shadows and not statement.name.startswith("sqlite_"):
            yield statement


def _recalled(key: str) -> SqliteSchema | None:
    known = recall(key)
    try:
        return known and SqliteSchema(
            statements=tuple(Statement(*map(str, line)) for line in known["statements"]),
            models={(label, name): table for label, name, table in known["models"]},
            rows=dict(known["rows"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
