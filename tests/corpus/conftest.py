"""A healthy database of the application, to be damaged; the pipeline run on a case."""

from __future__ import annotations

import dataclasses
import functools
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pytest_django import DjangoDbBlocker

from migrate_to_pg.pipeline import move as pipeline
from migrate_to_pg.pipeline import run as run_module
from migrate_to_pg.pipeline import source as source_module
from migrate_to_pg.pipeline import stage_tables
from migrate_to_pg.planning import read_source
from migrate_to_pg.planning.scratch_schema import SqliteSchema
from migrate_to_pg.project.registry import Registry
from migrate_to_pg.project.source_database import choose_source
from migrate_to_pg.records import (
    FreshRows,
    GenericKey,
    Options,
    Report,
    SourceCatalog,
    Verify,
)
from tests.conftest import SERVER_VERSIONS, MakeSource, Server
from tests.corpus import Case

Move = Callable[..., Report]
DROP = "SET client_min_messages = error; DROP SCHEMA IF EXISTS public, migrate_to_pg, sqlite_leftovers CASCADE"
VERSIONS = (SERVER_VERSIONS[0], *(pytest.param(version, marks=pytest.mark.full) for version in SERVER_VERSIONS[1:]))


@pytest.fixture(scope="session")
def healthy_source(make_source: MakeSource) -> Path:
    return make_source()


@pytest.fixture
def make_copy(healthy_source: Path, tmp_path: Path) -> Callable[[], Path]:
    def make() -> Path:
        return Path(shutil.copy(healthy_source, tmp_path / "db.sqlite3"))

    return make


@pytest.fixture(scope="module", params=VERSIONS, ids=lambda version: f"pg{version}")
def shared_url(request: pytest.FixtureRequest, servers: dict[int, Server]) -> str:
    """One database for all cases: making a fresh one for each would take most of the time."""
    return servers[request.param].database()


@pytest.fixture
def corpus_url(shared_url: str) -> Iterator[str]:
    """The URL of that database, emptied again after the case."""
    yield shared_url
    with psycopg.connect(shared_url, autocommit=True) as connection:
        connection.execute(DROP)
        connection.execute("CREATE SCHEMA public")


@pytest.fixture
def move(tmp_path: Path, corpus_url: str, monkeypatch: pytest.MonkeyPatch, django_db_blocker: DjangoDbBlocker) -> Move:
    """The whole pipeline, with the case's own tables where a project's migrations would make theirs."""

    def run(case: Case, *, fix: tuple[str, ...] = (), quarantine: tuple[str, ...] = ()) -> Report:
        source = tmp_path / "db.sqlite3"
        with closing(sqlite3.connect(source, isolation_level=None)) as database:
            database.executescript(case.source)
        chosen = dataclasses.replace(choose_source(str(source)), time_zone=case.time_zone)
        monkeypatch.setattr(run_module, "choose_source", lambda _: chosen)
        monkeypatch.setattr(source_module, "read_source", _recorded)
        monkeypatch.setattr(source_module, "learn", lambda *_: SqliteSchema(complaint="a case has no migrations"))
        monkeypatch.setattr(stage_tables, "failing_on_sqlite", lambda _: [])
        monkeypatch.setattr(stage_tables, "checked", lambda *_: case.system_checks)
        monkeypatch.setattr(stage_tables, "asked_of_tables", lambda _: ())
        monkeypatch.setattr(Registry, "content_models", lambda _: case.models)
        monkeypatch.setattr(Registry, "generic_keys", lambda _: _generic_keys(case))
        monkeypatch.setattr(Registry, "names", ())
        monkeypatch.setattr(run_module, "Registry", _registry)
        monkeypatch.setattr(stage_tables, "run_migrations", lambda django, *_, **__: _make(django, case.target))
        monkeypatch.setattr(stage_tables, "make_unmigrated_tables", lambda *_, **__: None)
        nothing = FreshRows(content_types=frozenset(), permissions=frozenset())
        monkeypatch.setattr(stage_tables, "fresh_rows", lambda *_, **__: nothing)
        with django_db_blocker.unblock():
            return pipeline.run(
                Options(
                    source=str(source),
                    target=corpus_url,
                    verify=Verify.CELLS,
                    fix=fix or case.fix,
                    quarantine=quarantine,
                    report=tmp_path / "r",
                )
            )

    return run


@functools.cache
def _registry(applied: tuple[tuple[str, str], ...], alias: str) -> Registry:
    """All cases record the same, of which the same models are made."""
    return Registry(applied, alias)


def _recorded(snapshot: Path, **named: Path) -> SourceCatalog:
    """A case says what a project's migrations would have made, but records none."""
    return dataclasses.replace(read_source(snapshot, **named), applied_migrations=(("case", "0001_initial"),))


def _generic_keys(case: Case) -> tuple[GenericKey, ...]:
    return tuple(
        GenericKey(table=table, content_type_column=kind, object_column=row) for table, kind, row in case.generic_keys
    )


def _make(django: Any, target: str) -> tuple[()]:
    with django.cursor() as cursor:
        cursor.execute(target)
    return ()
