"""`docker compose run --rm web python manage.py migrate_to_pg --verify` with db.sqlite3 in data/, without Docker."""

import os
import shutil
import sqlite3
from contextlib import closing

import pytest

from deploy.source import readable_source
from migrate_to_pg.snapshot import file_sha256

MOVE = ("python", "manage.py", "migrate_to_pg", "--verify")


@pytest.fixture(params=[pytest.param("delete", marks=pytest.mark.full), "wal"])
def data(request, made, built, sqlite):
    """data/ with a database in it; the container may read it, not write to it."""
    place = built / "data"
    place.chmod(0o755)
    path = place / "db.sqlite3"
    shutil.copy(made("none"), path)
    sqlite(path, f"PRAGMA journal_mode = {request.param}")
    path.chmod(0o444)
    place.chmod(0o555)
    yield path
    place.chmod(0o755)
    for file in place.iterdir():
        file.unlink()
    for report in (built / "migrate_to_pg_report").iterdir():
        shutil.rmtree(report) if report.is_dir() else report.unlink()


def finished(one):
    with one:
        return one.process.wait(120), one.log


def test_a_database_in_data_is_moved_and_then_served(container, data, url, server, built):
    before = file_sha256(data)
    status, log = finished(container(url, *MOVE))
    assert status == 0, log
    assert "no difference" in log
    assert server.execute(url, "SELECT count(*) FROM courses_course") == [(80,)]
    assert file_sha256(data) == before
    assert [file.name for file in data.parent.iterdir()] == ["db.sqlite3"]
    reports = list((built / "migrate_to_pg_report").glob("*/report.json"))
    assert len(reports) == 1
    assert server_password(server) not in log + reports[0].read_text()
    with container(url) as one:
        one.wait_until_healthy()
        assert "No migrations to apply" in one.log
    status, log = finished(container(url, *MOVE[:-1], "--verify-only"))
    assert status == 0, log
    status, log = finished(container(url, *MOVE[:-1], "--undo", "--replace"))
    assert status == 0, log


def server_password(server):
    return (server.secrets / "postgres_password").read_text()


def test_without_a_database_in_data_it_is_said_where_it_belongs(container, url):
    status, log = finished(container(url, *MOVE))
    assert status == 1
    assert "There is no SQLite database at" in log
    assert "data/db.sqlite3" in log


def test_a_database_that_the_container_may_not_read_is_said_in_a_line(container, data, url):
    if os.getuid() == 0:
        data.chmod(0o600)
        status, log = finished(container(url, *MOVE))
        assert status == 1
        assert "data/db.sqlite3 cannot be read: Permission denied" in log
        assert "Traceback" not in log


def test_rows_that_are_in_the_wal_alone_come_along(tmp_path, sqlite, monkeypatch):
    """A copy of database and -wal, as somebody took it from a running application."""
    source, given = tmp_path / "app.sqlite3", tmp_path / "data" / "db.sqlite3"
    given.parent.mkdir()
    sqlite(source, "PRAGMA journal_mode = wal")
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.commit()
        for end in ("", "-wal"):
            shutil.copy(f"{source}{end}", f"{given}{end}")
    monkeypatch.setattr("os.access", lambda _, mode: mode == os.R_OK)
    copy = readable_source(given, tmp_path / "reports" / "source")
    assert sqlite(copy, "SELECT x FROM t") == [(1,)]
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.parent.stat().st_mode & 0o777 == 0o700


def test_a_database_in_a_folder_of_our_own_is_used_where_it_is(tmp_path, sqlite):
    path = tmp_path / "db.sqlite3"
    sqlite(path, "PRAGMA journal_mode = wal")
    assert readable_source(path, tmp_path / "source") == path
    assert not (tmp_path / "source").exists()
