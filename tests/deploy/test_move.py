"""`docker compose run --rm web python manage.py migrate_to_pg --verify` with db.sqlite3 in data/, without Docker."""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from migrate_to_pg.sqlite.checksums import file_sha256
from tests.conftest import MakeSource, Query
from tests.deploy.conftest import Container, Database
from tests.tiers import first_in_ci

MOVE = ("python", "manage.py", "migrate_to_pg", "--verify")


@pytest.fixture(params=[pytest.param("delete", marks=pytest.mark.full), "wal"])
def data(request: pytest.FixtureRequest, make_source: MakeSource, image_code: Path, sqlite: Query) -> Iterator[Path]:
    """data/ with a database in it; the container may read it, not write to it."""
    place = image_code / "data"
    place.chmod(0o755)
    path = place / "db.sqlite3"
    shutil.copy(make_source("none"), path)
    sqlite(path, f"PRAGMA journal_mode = {request.param}")
    path.chmod(0o444)
    place.chmod(0o555)
    yield path
    place.chmod(0o755)
    for file in place.iterdir():
        file.unlink()
    for report in (image_code / "migrate_to_pg_report").iterdir():
        shutil.rmtree(report) if report.is_dir() else report.unlink()


def finished(one: Container) -> tuple[int, str]:
    with one:
        return one.process.wait(120), one.log


def test_a_database_in_data_is_moved_and_then_served(
    container: Callable[..., Container], data: Path, url: str, server: Database, image_code: Path
) -> None:
    before = file_sha256(data)
    status, log = finished(container(url, *MOVE))
    assert status == 0, log
    assert "no difference" in log
    assert server.execute(url, "SELECT count(*) FROM courses_course") == [(80,)]
    assert file_sha256(data) == before
    assert [file.name for file in data.parent.iterdir()] == ["db.sqlite3"]
    reports = list((image_code / "migrate_to_pg_report").glob("*/report.json"))
    assert len(reports) == 1
    assert server_password(server) not in log + reports[0].read_text()
    with container(url) as one:
        one.wait_until_healthy()
        assert "No migrations to apply" in one.log
    status, log = finished(container(url, *MOVE[:-1], "--verify-only"))
    assert status == 0, log
    status, log = finished(container(url, *MOVE[:-1], "--undo", "--replace"))
    assert status == 0, log


def server_password(server: Database) -> str:
    return (server.secrets / "postgres_password").read_text()


def test_without_a_database_in_data_it_is_said_where_it_belongs(container: Callable[..., Container], url: str) -> None:
    status, log = finished(container(url, *MOVE))
    assert status == 1
    assert "There is no SQLite database at" in log
    assert "data/db.sqlite3" in log


def test_a_database_that_the_container_may_not_read_is_said_in_a_line(
    container: Callable[..., Container], data: Path, url: str
) -> None:
    if os.getuid() == 0:
        data.chmod(0o600)
        status, log = finished(container(url, *MOVE))
        assert status == 1
        assert "data/db.sqlite3 cannot be read: Permission denied" in log
        assert "Traceback" not in log


@pytest.fixture
def application(data: Path, sqlite: Query) -> Iterator[sqlite3.Connection]:
    """A program on the host that has the database open in WAL mode."""
    sqlite(data, "PRAGMA journal_mode = wal")
    data.chmod(0o644)
    with closing(sqlite3.connect(data, isolation_level=None)) as connection:
        connection.execute("UPDATE courses_course SET title = 'in the -wal' WHERE id = 1")
        for file in data.parent.iterdir():
            file.chmod(0o644)
        yield connection


@pytest.mark.parametrize("shm", first_in_ci("left where the files were copied from", "used by the application"))
def test_rows_that_are_in_the_wal_alone_come_along(
    container: Callable[..., Container],
    data: Path,
    url: str,
    server: Database,
    application: sqlite3.Connection,
    shm: str,
) -> None:
    if shm != "used by the application":
        data.with_name("db.sqlite3-shm").unlink()
    status, log = finished(container(url, *MOVE))
    assert status == 0, log
    assert server.execute(url, "SELECT title FROM courses_course WHERE id = 1") == [("in the -wal",)]


@pytest.mark.full
@pytest.mark.parametrize("how", ["in the -wal", "checkpointed", "by an application that is open all the time"])
def test_a_row_that_is_written_meanwhile_stops_the_run(
    container: Callable[..., Container],
    data: Path,
    url: str,
    server: Database,
    how: str,
    request: pytest.FixtureRequest,
) -> None:
    """SQLite cannot make its -shm in data/: it reads a copy, and the files of the host are what is watched."""
    if how.endswith("all the time"):
        request.getfixturevalue("application")
    with container(url, *MOVE) as one:
        while "snapshot: done" not in one.log:
            assert one.process.poll() is None, one.log
            time.sleep(0.01)
        data.chmod(0o644)
        connection = sqlite3.connect(data, isolation_level=None)
        connection.execute("INSERT INTO django_session VALUES ('late', 'x', '2030-01-01')")
        if how == "checkpointed":
            connection.close()
        status, log = one.process.wait(120), one.log
    connection.close()
    assert status == 1, log
    assert "data/db.sqlite3 was written to after the snapshot" in " ".join(log.split())
    assert "django_session: 1 row added" in log
    assert server.execute(url, "SELECT to_regclass('courses_course')") == [(None,)]
    assert [path.name for path in data.parents[1].glob("migrate_to_pg_report/**/*.private*")] == []
