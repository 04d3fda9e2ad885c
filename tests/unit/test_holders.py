"""Who has the database open, and who holds its write lock, as the system tells."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from migrate_to_pg.sqlite import open_processes as module
from migrate_to_pg.sqlite.open_processes import is_open_here, open_processes
from tests.conftest import SqliteProcess

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc/locks")


@pytest.fixture(params=["delete", "wal"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "it's 100%.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {request.param}")
        connection.execute("CREATE TABLE t (a)")
    return path


@pytest.mark.parametrize("script", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "BEGIN; INSERT INTO t VALUES (1)"])
def test_a_writer_is_named(script: str, database: Path, sqlite_process: SqliteProcess) -> None:
    process = sqlite_process(database, script)
    ((found,), complete) = open_processes(database)
    assert (found.pid, found.writes) == (process.pid, True)
    assert "python" in found.program
    assert complete == (os.geteuid() == 0) or complete


def test_a_reader_holds_no_write_lock(database: Path, sqlite_process: SqliteProcess) -> None:
    process = sqlite_process(database, "BEGIN; SELECT count(*) FROM t")
    assert [(h.pid, h.writes) for h in open_processes(database)[0]] == [(process.pid, False)]


def test_a_database_that_nobody_has_open(database: Path) -> None:
    assert open_processes(database)[0] == ()


def test_a_system_that_does_not_tell(database: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_PROC", tmp_path / "no proc")
    assert open_processes(database) == ((), False)
    assert not is_open_here(database)


def test_what_may_hold_a_password_is_not_shown() -> None:
    assert module._display_args([b"/usr/bin/psql", b"postgres://u:hunter2@h/d"]) == ["psql"]
    assert module._display_args([b"/usr/bin/python3.11", b"manage.py"]) == ["python3.11", "manage.py"]
    assert module._display_args([b"gunicorn: worker \xff", b""]) == ["gunicorn: worker �"]
