"""What the migrations make on SQLite is learnt there, once, and nothing else is touched."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db.backends.signals import connection_created
from pytest_django import DjangoDbBlocker

from migrate_to_pg.planning import read_source, scratch_schema
from migrate_to_pg.planning.scratch_schema import SqliteSchema, learn
from migrate_to_pg.project import migration_cache
from migrate_to_pg.project.registry import Registry
from migrate_to_pg.project.source_database import choose_source
from tests.conftest import MakeSource

OBJECTS = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"

Learn = Callable[..., tuple[SqliteSchema, int]]


@pytest.fixture
def learn_counted(
    make_source: MakeSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, django_db_blocker: DjangoDbBlocker
) -> Iterator[Learn]:
    """learn_counted(tables, besides) -> what is learnt, and how many migrations were run for it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    source = make_source()

    def run(*besides: str) -> tuple[SqliteSchema, int]:
        monkeypatch.setattr(scratch_schema, "_cache", {})
        catalog, events = read_source(source), list[object]()
        names = [*(table.name for table in catalog.tables), *besides]
        choice = choose_source(str(source))
        registry = Registry(catalog.applied_migrations, choice.alias)
        return learn(choice, registry, names, events.append), len(events)

    with django_db_blocker.unblock():
        yield run


def test_it_is_what_migrate_makes(learn_counted: Learn, make_source: MakeSource) -> None:
    schema, _ = learn_counted()
    with closing(sqlite3.connect(make_source())) as database:
        expected = set(database.execute(OBJECTS))
    assert {(one.kind, one.name, one.sql) for one in schema.statements} == expected
    with schema.opened() as database:
        assert set(database.execute(OBJECTS)) == expected


def test_the_next_run_remembers_it(learn_counted: Learn, tmp_path: Path) -> None:
    first, ran = learn_counted()
    again, ran_again = learn_counted()
    assert (ran > 10, ran_again) == (True, 0)
    assert again.statements == first.statements
    assert again.models == first.models
    assert again.rows == first.rows
    assert (first.rows["django_migrations"] > 10, first.rows["courses_course"]) == (True, 0)
    (kept,) = (tmp_path / "migrate_to_pg").iterdir()
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.full
def test_a_table_that_no_model_has_makes_no_difference(learn_counted: Learn) -> None:
    learn_counted()
    _, ran_again = learn_counted("somebodys_own")
    assert ran_again == 0


@pytest.mark.full
def test_a_variable_that_only_this_package_reads_makes_no_difference(
    learn_counted: Learn, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn_counted()
    # In capitals it would be in quotes in this file, which is loaded as well.
    monkeypatch.setenv("ssl_cert_dir".upper(), "/nowhere")
    _, ran_again = learn_counted()
    assert ran_again == 0


def test_of_the_address_of_a_database_its_kind_makes_a_difference_alone(
    make_source: MakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The application's settings name this variable.
    choice, keys = choose_source(str(make_source())), []
    for address in ("postgres://a:b@c/d", "postgres://e@f:5433/g?sslmode=require", "sqlite:////h.sqlite3", "i"):
        monkeypatch.setenv("DATABASE_URL", address)
        keys.append(migration_cache.key_of(choice, (), ()))
    assert keys[0] == keys[1]
    assert len({*keys}) == 3


def test_those_that_were_used_last_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for number in range(migration_cache._MAX_ENTRIES + 1):
        migration_cache.keep(f"{number}", [number])
        os.utime(tmp_path / "migrate_to_pg" / f"{number}.json", (number, number))
        migration_cache.recall("0")
    assert migration_cache.recall("0") == [0]
    assert migration_cache.recall("1") is None


def test_what_cannot_be_written_leaves_no_file_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "migrate_to_pg" / "x.json").mkdir(parents=True)
    migration_cache.keep("x", [1])
    assert [path.name for path in (tmp_path / "migrate_to_pg").iterdir()] == ["x.json"]


@pytest.mark.full
@pytest.mark.parametrize("spoil", ["damaged", "written by others", "gone"])
def test_what_cannot_be_trusted_is_learnt_anew(spoil: str, learn_counted: Learn, tmp_path: Path) -> None:
    first, _ = learn_counted()
    folder = tmp_path / "migrate_to_pg"
    (kept,) = folder.iterdir()
    if spoil == "written by others":
        folder.chmod(0o777)
        kept.write_text('{"statements": [], "models": []}')
    elif spoil == "damaged":
        kept.write_text('{"statements": [1], "models": 2}')
    else:
        kept.unlink()
    again, ran = learn_counted()
    assert ran > 10
    assert again.statements == first.statements


def test_nothing_but_the_scratch_database_is_opened(learn_counted: Learn, make_source: MakeSource) -> None:
    opened = []

    def note(connection: Any, **_: object) -> None:
        opened.append(str(connection.settings_dict["NAME"]))

    connection_created.connect(note)
    before = make_source().read_bytes()
    try:
        schema, _ = learn_counted()
    finally:
        connection_created.disconnect(note)
    assert not schema.complaint
    (scratch,) = set(opened)
    # The project's own functions are registered there as everywhere.
    assert Path(scratch).name == "scratch.sqlite3"
    assert not Path(scratch).exists()
    assert make_source().read_bytes() == before
