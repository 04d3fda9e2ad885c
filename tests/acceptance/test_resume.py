"""A run that died while it loaded: the next one goes on there, where everything is as it was, and only there."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migrate_to_pg.records import INCOMING
from tests.conftest import ROOT, Query, Run, run_manage

Start = Callable[..., subprocess.Popen[str]]
#: More than is worth a note, and in the order of the plan the last.
LAST = "courses_course"
FIRST = "attributions_attribution"


@pytest.fixture(scope="module")
def large_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "db.sqlite3"
    url = f"sqlite:///{path}"
    sizes = ("--teachers", "100", "--courses", "11000", "--attributions", "60000")
    for arguments in (["migrate", "-v0"], ["make_demo_data", *sizes]):
        run_manage(*arguments, DATABASE_URL=url)
    return path


@pytest.fixture
def source(large_source: Path, tmp_path: Path) -> Path:
    path = tmp_path / "db.sqlite3"
    path.write_bytes(large_source.read_bytes())
    return path


@pytest.fixture
def loaded_table(source: Path, postgres_url: str, tmp_path: Path) -> int:
    """The oid of the table that a run had loaded whole when it was killed."""
    command = [sys.executable, "manage.py", "migrate_to_pg", "--source", source, "--target", postgres_url]
    command += ["--verify", "--jobs", "1", "--report", tmp_path / "died"]
    process = subprocess.Popen(list(map(str, command)), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with psycopg.connect(postgres_url) as connection:
        wait(connection, f"SELECT to_regclass('{INCOMING}.migrate_to_pg_loaded') IS NOT NULL")
        # The load waits here for as long as the lock is held.
        connection.execute(f"LOCK TABLE {INCOMING}.{LAST} IN SHARE MODE".encode())
        with psycopg.connect(postgres_url) as other:
            wait(other, f"SELECT count(*) > 0 FROM {INCOMING}.migrate_to_pg_loaded WHERE name = '{FIRST}'")
        process.send_signal(signal.SIGKILL)
        process.wait()
        oid = connection.execute(f"SELECT '{INCOMING}.{FIRST}'::regclass::oid::int".encode()).fetchone()
    assert oid is not None
    return int(oid[0])


def wait(connection: psycopg.Connection[Any], question: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        answer = connection.execute(question.encode()).fetchone()
        connection.rollback()
        if answer and answer[0]:
            return
        time.sleep(0.005)
    pytest.fail(question)


def again(manage: Run, source: Path, url: str, tmp_path: Path, *options: str) -> str:
    command = ("migrate_to_pg", "--source", source, "--target", url, "--verify", "--report", tmp_path / "again")
    return manage(*command, *options).stderr


PUBLISHED = f"SELECT 'public.{FIRST}'::regclass::oid::int"
SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'migrate\\_to\\_pg\\_%'"


@pytest.mark.full
def test_what_was_whole_is_not_sent_again(
    loaded_table: int, manage: Run, source: Path, postgres_url: str, tmp_path: Path, execute: Query
) -> None:
    told = again(manage, source, postgres_url, tmp_path)
    assert "1 table was loaded by a run that died" in told
    assert execute(postgres_url, PUBLISHED) == [(loaded_table,)]
    assert execute(postgres_url, f"SELECT count(*) FROM {FIRST}") == [(60_000,)]
    assert execute(postgres_url, SCHEMAS) == []


def change_source(source: Path, _: str) -> None:
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("UPDATE attributions_teacher SET last_name = 'X' WHERE id = 1")


def change_schema(_: Path, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER TABLE {INCOMING}.{FIRST} ALTER note SET DEFAULT 'x'".encode())


def lose_a_row(_: Path, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DELETE FROM {INCOMING}.{FIRST} WHERE id = 7".encode())


@pytest.mark.full
@pytest.mark.parametrize(("change", "same_table"), [(lose_a_row, True), (change_source, False), (change_schema, False)])
def test_what_is_not_as_it_was_is_sent_again(
    loaded_table: int,
    manage: Run,
    source: Path,
    postgres_url: str,
    tmp_path: Path,
    execute: Query,
    change: Callable[[Path, str], None],
    same_table: bool,
) -> None:
    change(source, postgres_url)
    told = again(manage, source, postgres_url, tmp_path)
    assert "loaded by a run that died" not in told
    assert (execute(postgres_url, PUBLISHED) == [(loaded_table,)]) is same_table
    assert execute(postgres_url, f"SELECT count(*) FROM {FIRST}") == [(60_000,)]
    assert execute(postgres_url, SCHEMAS) == []
