"""--purge as a process that is answered, killed and interrupted: it removes what it showed, and goes on next time."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from migrate_to_pg.publish import RunRecord, publish
from migrate_to_pg.records import INCOMING
from tests.conftest import ROOT, VARIABLES, scalar
from tests.tiers import first_in_ci

#: More than are dropped in one transaction.
TABLES = 120


def again(connection: psycopg.Connection, snapshot: Path) -> str:
    """Publish that many tables; those that were there are replaced."""
    tables = [f"CREATE TABLE t{n:03} AS SELECT {n} AS id" for n in range(TABLES)]
    connection.execute(f"CREATE SCHEMA {INCOMING}; SET search_path = {INCOMING}; {'; '.join(tables)}")
    snapshot.parent.mkdir()
    with closing(sqlite3.connect(snapshot)) as file, file:
        file.execute(f"CREATE TABLE told AS SELECT '{snapshot}' AS name")
    publication = publish(
        connection, incoming=INCOMING, final="public", run=RunRecord(snapshot=str(snapshot)),
        before_commit=lambda: None,
    )  # fmt: skip
    connection.execute("SET search_path TO DEFAULT")
    return publication.archive


@pytest.fixture
def connection(postgres_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def archive(connection: psycopg.Connection, tmp_path: Path) -> str:
    again(connection, tmp_path / "one" / "snapshot.sqlite3")
    return again(connection, tmp_path / "two" / "snapshot.sqlite3")


@pytest.fixture
def start(postgres_url: str, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started = []
    variables = {
        "LANGUAGE": "en",
        "DJANGO_SETTINGS_MODULE": "tests.acceptance.base_elsewhere",
        "PROJECT_FOLDER": str(tmp_path),
    }

    def run(mode: str = "--purge", *arguments: str) -> subprocess.Popen[str]:
        clean = {key: value for key, value in os.environ.items() if key not in VARIABLES}
        pipe = subprocess.PIPE
        command = [sys.executable, "manage.py", "migrate_to_pg", mode, "--target", postgres_url, *arguments]
        process = subprocess.Popen(
            command, cwd=ROOT, env=clean | variables, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen[str], answer: str | None = None) -> tuple[int, str, str]:
    out, err = process.communicate(answer, timeout=60)
    assert "Traceback" not in out + err, err
    return process.returncode, out, err


def listed(process: subprocess.Popen[str]) -> str:
    """Read until it asks; it stands at its question then."""
    said = ""
    while not said.endswith("Type 'yes': "):
        assert process.stdout
        said += process.stdout.read(1)
    return said


def tables(connection: psycopg.Connection, schema: str) -> int:
    query = "SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r'"
    return int(scalar(connection.execute(query, [schema])))


def waiting(connection: psycopg.Connection) -> None:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name LIKE 'migrate%'"
    deadline = time.monotonic() + 30
    while scalar(connection.execute(query)) == 0:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.full
def test_what_came_while_it_waited_for_the_answer_stays(
    connection: psycopg.Connection, archive: str, start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = start()
    said = listed(process)
    assert f"schema {archive} ({TABLES} tables)" in said
    later = again(connection, tmp_path / "three" / "snapshot.sqlite3")
    # Another file by the name of one that was listed: copied over it, and put in its place.
    (tmp_path / "one" / "snapshot.sqlite3").write_bytes((tmp_path / "three" / "snapshot.sqlite3").read_bytes())
    status, out, _err = end(process, "yes\n")
    assert (status, "Removed 2 things" in out) == (0, True)
    assert f"Not removed, because it no longer exists or was replaced: snapshot {tmp_path}/one/snapshot.sqlite3" in out
    assert (tables(connection, archive), tables(connection, later)) == (0, TABLES)
    assert sorted(path.parent.name for path in tmp_path.rglob("snapshot.sqlite3")) == ["one", "three"]
    assert end(start("--undo"))[0] == 0


@pytest.mark.parametrize(
    ("number", "held", "left"),
    [
        pytest.param(signal.SIGKILL, "t005", TABLES, marks=pytest.mark.full),
        (signal.SIGKILL, "t060", TABLES - 50),
        pytest.param(signal.SIGINT, "t119", TABLES - 100, marks=pytest.mark.full),
    ],
)
def test_ended_while_it_drops_the_next_one_goes_on_and_undo_refuses(
    number: signal.Signals,
    held: str,
    left: int,
    connection: psycopg.Connection,
    archive: str,
    start: Callable[..., subprocess.Popen[str]],
    postgres_url: str,
    tmp_path: Path,
) -> None:
    with psycopg.connect(postgres_url) as other:
        other.execute(f"SELECT * FROM {archive}.{held}")
        process = start("--purge", "--no-input")
        waiting(connection)
        process.send_signal(number)
        status, _out, err = end(process)
    if number == signal.SIGINT:
        assert (status, "Interrupted; 0 of 3 were removed." in " ".join(err.split())) == (1, True)
        assert "Run --purge again: it goes on with what is left." in err
    assert tables(connection, archive) == left
    status, _out, err = end(start("--undo"))
    assert status == 1
    assert f"--purge has begun to remove schema {archive}, and was interrupted: it is no longer complete." in err
    assert len([line for line in err.splitlines() if line.startswith("  table t")]) == TABLES - left
    assert tables(connection, "public") == TABLES
    status, out, _err = end(start("--purge", "--no-input"))
    assert (status, "Removed 3 things" in out) == (0, True)
    assert f"schema {archive} ({left} tables; an earlier purge has begun to remove it)" in out
    assert (tables(connection, archive), list(tmp_path.rglob("*.sqlite3"))) == (0, [])
    assert "are gone" in end(start("--undo"))[2]


@pytest.mark.full
@pytest.mark.parametrize("number", first_in_ci(signal.SIGINT, signal.SIGKILL), ids=str)
def test_ended_at_its_question_nothing_was_removed_and_undo_succeeds(
    number: signal.Signals,
    connection: psycopg.Connection,
    archive: str,
    start: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
) -> None:
    process = start()
    listed(process)
    process.send_signal(number)
    status, out, _err = end(process)
    assert number == signal.SIGKILL or (status, out.splitlines()[-1]) == (1, "Nothing was removed.")
    assert (tables(connection, archive), len(list(tmp_path.rglob("*.sqlite3")))) == (TABLES, 2)
    assert end(start("--undo"))[0] == 0


@pytest.mark.full
def test_a_schema_in_use_is_told_with_who_uses_it(
    connection: psycopg.Connection, archive: str, start: Callable[..., subprocess.Popen[str]], postgres_url: str
) -> None:
    with psycopg.connect(postgres_url) as other:
        other.execute(f"SELECT * FROM {archive}.t060")
        status, _out, err = end(start("--purge", "--no-input"))
    assert status == 1
    assert f"Error: Schema {archive} is in use: its tables could not be locked within 10 s." in err.splitlines()
    assert f"holds {archive}.t060" in err


def test_a_recorded_file_that_is_no_snapshot_is_not_removed(
    connection: psycopg.Connection, archive: str, start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    precious = tmp_path / "precious.sqlite3"
    (tmp_path / "one" / "snapshot.sqlite3").rename(precious)
    (tmp_path / "one" / "snapshot.sqlite3").symlink_to(precious)
    (tmp_path / "two" / "snapshot.sqlite3").write_text("no database")
    for path in ("snapshot.sqlite3", "/proc/1/snapshot.sqlite3", f"/{'x' * 300}/snapshot.sqlite3", "/etc/passwd"):
        connection.execute(
            "INSERT INTO migrate_to_pg.publication (final_schema, archive, transaction_id, objects, rows, snapshot)"
            " VALUES ('public', '', '5', '[]', '{}', %s)",
            [path],
        )
    status, out, _err = end(start("--purge", "--no-input"))
    assert (status, "Removed 1 thing" in out) == (0, True)
    assert precious.exists()
    assert (tmp_path / "two" / "snapshot.sqlite3").exists()
