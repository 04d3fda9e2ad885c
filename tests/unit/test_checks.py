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
from migrate_to_pg.holders import _writers

WAL = {"init_command": "PRAGMA foreign_keys=ON; PRAGMA journal_mode=WAL;"}


class Warned(Protocol):
    def __call__(
        self, path: object, *, debug: bool = False, engine: str = "sqlite3", **options: object
    ) -> list[str]: ...


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> Warned:
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


def test_both_are_missed(warned: Warned, database: Path) -> None:
    assert warned(database) == ["migrate_to_pg.W001", "migrate_to_pg.W002"]


def test_what_the_settings_choose_is_enough(warned: Warned, database: Path) -> None:
    assert warned(database, timeout=20, **WAL) == []
    assert warned(database, timeout=20, init_command="PRAGMA journal_mode=DELETE") == ["migrate_to_pg.W001"]


def test_the_file_remembers_that_it_is_wal(warned: Warned, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert warned(database, timeout=20) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc/locks")
def test_a_database_in_use_by_this_process_is_not_opened(warned: Warned, database: Path) -> None:
    """To close any descriptor of it would drop the locks of a transaction."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert warned(str(database), timeout=20) == []
        assert os.getpid() in _writers(database)


def test_nothing_is_said_in_development_of_memory_or_of_another_database(warned: Warned, database: Path) -> None:
    assert warned(database, debug=True) == []
    assert warned(":memory:") == []
    assert warned("file:memorydb_default?mode=memory&cache=shared") == []
    assert warned("d", engine="postgresql") == []


def test_a_file_that_is_not_there_yet(warned: Warned, tmp_path: Path) -> None:
    assert warned(tmp_path / "none.sqlite3") == ["migrate_to_pg.W002"]
