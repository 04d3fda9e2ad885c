"""The schema that the applied migrations make on SQLite, learnt by running them there, in a scratch database.

A migration may change the database alone, or do something else on each kind of database: no migration state tells what
it makes. The scratch database is a private file with the project's own settings, and is thrown away; what is kept, so
that the next run need not do it again, are its statements, under a hash of all that they depend on.
"""

from __future__ import annotations

import io
import sqlite3
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
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
from migrate_to_pg.project.create_models import make_unmigrated_tables
from migrate_to_pg.project.databases import SourceChoice
from migrate_to_pg.project.migration_cache import keep, key_of, recall
from migrate_to_pg.project.migrations import Key, SourceLoader, first_line
from migrate_to_pg.project.registry import Registry, historical_models
from migrate_to_pg.project.sqlite_connection import django_connection, sqlite_entry
from migrate_to_pg.records import Event, MadeTable
from migrate_to_pg.sqlite.sql import Sql

Progress = Callable[[Event], None]

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
    #: Table -> the rows that the migrations put into it.
    rows: Mapping[str, int] = field(default_factory=dict)
    #: Why the migrations do not run on SQLite; '' where they do.
    complaint: str = ""
    #: Of all that it depends on.
    key: str = ""

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
    key = key_of(choice, applied, tables)
    known = _learnt.get(key) or _recalled(key)
    if known is None:
        known = _run(choice, applied, tables, progress)
        if not known.complaint:
            models = [(*model, table) for model, table in known.models.items()]
            keep(key, {"statements": known.statements, "models": models, "rows": known.rows})
    if known.choice is None and not known.complaint:
        known = replace(known, choice=choice, key=key)
    _learnt[key] = known
    return known


def _run(choice: SourceChoice, applied: Collection[Key], tables: Collection[str], progress: Progress) -> SqliteSchema:
    """Nothing but the scratch database is reached; post_migrate is not sent, and nothing is printed."""
    with tempfile.TemporaryDirectory(prefix="migrate_to_pg-") as folder:
        entry = sqlite_entry(choice, Path(folder) / "scratch.sqlite3")
        try:
            with (
                override_alias(choice.alias, entry) as connection,
                reimport_migrations(),
                redirect_stdout(io.StringIO()),
            ):
                loader = _migrate(connection, applied, progress)
                make_unmigrated_tables(connection, Registry(applied, choice.alias), tables)
                statements = tuple(_statements(connection))
                rows = {one.name: _count(connection, one.name) for one in statements if one.kind == "table"}
                return SqliteSchema(statements=statements, models=historical_models(loader), rows=rows)
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


def _count(connection: BaseDatabaseWrapper, table: str) -> int:
    query = f"SELECT count(*) FROM {connection.ops.quote_name(table)}"  # noqa: S608 - quoted by Django
    return int(connection.connection.execute(query).fetchone()[0])


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
