"""The system checks: SQLite in production without WAL or a timeout is warned of, and nothing else."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Protocol

import pytest
from django.core.checks import run_checks

from migrate_to_pg import checks
from migrate_to_pg.sqlite.open_processes import _writers
from tests.conftest import Query, Run

WAL = "PRAGMA foreign_keys=ON; PRAGMA journal_mode=WAL;"


class Warned(Protocol):
    def __call__(
        self, path: object, *, debug: bool = False, engine: str = "sqlite3", **options: object
    ) -> list[str]: ...


@pytest.fixture
def warnings_of(monkeypatch: pytest.MonkeyPatch) -> Warned:
    """The ids of what `manage.py check` says of such a database."""

    def run(path: object, *, debug: bool = False, engine: str = "sqlite3", **options: object) -> list[str]:
        entry = {"ENGINE": f"django.db.backends.{engine}", "NAME": path, "OPTIONS": options}
        monkeypatch.setattr(checks, "settings", SimpleNamespace(DEBUG=debug, DATABASES={"default": entry}))
        return [str(message.id) for message in run_checks(tags=["migrate_to_pg"])]

    return run


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
    return path


def test_both_are_missed(warnings_of: Warned, database: Path) -> None:
    assert warnings_of(database) == ["migrate_to_pg.W001", "migrate_to_pg.W002"]


def test_what_the_settings_choose_is_enough(warnings_of: Warned, database: Path) -> None:
    assert warnings_of(database, timeout=20, init_command=WAL) == []
    assert warnings_of(database, timeout=20, init_command="PRAGMA journal_mode=DELETE") == ["migrate_to_pg.W001"]


def test_the_file_remembers_that_it_is_wal(warnings_of: Warned, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert warnings_of(database, timeout=20) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc/locks")
def test_a_database_in_use_by_this_process_is_not_opened(warnings_of: Warned, database: Path) -> None:
    """To close any descriptor of it would drop the locks of a transaction."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert warnings_of(str(database), timeout=20) == []
        assert os.getpid() in _writers(database)


def test_nothing_is_said_in_development_of_memory_or_of_another_database(warnings_of: Warned, database: Path) -> None:
    assert warnings_of(database, debug=True) == []
    assert warnings_of(":memory:") == []
    assert warnings_of("file:memorydb_default?mode=memory&cache=shared") == []
    assert warnings_of("d", engine="postgresql") == []


def test_a_file_that_is_not_there_yet(warnings_of: Warned, tmp_path: Path) -> None:
    assert warnings_of(tmp_path / "none.sqlite3") == ["migrate_to_pg.W002"]


# --- a move that was left unpublished ---------------------------------------------------------------------------------


def test_a_schema_that_was_left_unpublished_is_told_only_when_the_database_is_asked(
    manage: Run, postgres_url: str, execute: Query
) -> None:
    asked = ("check", "--database", "default")
    assert "W003" not in manage(*asked, DATABASE_URL=postgres_url).stderr
    execute(postgres_url, "CREATE SCHEMA migrate_to_pg_incoming")
    told = manage(*asked, DATABASE_URL=postgres_url).stderr
    assert "migrate_to_pg.W003" in told
    assert "migrate_to_pg_incoming" in told
    assert "W003" not in manage("check", DATABASE_URL=postgres_url).stderr


def test_neither_sqlite_nor_a_server_that_is_gone_is_asked_for_it(manage: Run, tmp_path: Path) -> None:
    sqlite = manage("check", "--database", "default", DATABASE_URL=f"sqlite:///{tmp_path / 'db.sqlite3'}")
    assert "W003" not in sqlite.stderr
    assert checks.left_unpublished() == []
    gone = manage(
        "check", "--database", "default", "--tag", "database", DATABASE_URL="postgres://u:secret@127.0.0.1:1/d"
    )
    assert "Traceback" not in gone.stderr
    assert "secret" not in gone.stdout + gone.stderr
