"""What a project registers with SQLite when Django connects, taken over for every connection to a copy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db.backends.signals import connection_created
from pytest_django import DjangoDbBlocker

from migrate_to_pg.project.source_database import SourceChoice
from migrate_to_pg.project.sqlite_connection import registrations
from migrate_to_pg.sqlite import missing_functions

CHOICE = SourceChoice(path=Path("db.sqlite3"), alias="default", time_zone="UTC")


def backwards(one: str, other: str) -> int:
    return (one < other) - (one > other)


def receiver(connection: Any, **_: Any) -> None:
    database = connection.connection
    with connection.cursor() as cursor:
        # Of a file this would stay.
        cursor.execute("PRAGMA journal_mode = WAL")
    database.create_collation("backwards", backwards)
    database.create_function("twice", 1, lambda value: value * 2, deterministic=True)
    # The database that it is asked of has no tables.
    database.execute("SELECT * FROM shop_item")


@pytest.fixture
def adopted_receivers(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    connection_created.connect(receiver)
    try:
        with django_db_blocker.unblock():
            missing_functions.set_project_registrations(registrations(CHOICE))
        yield
    finally:
        connection_created.disconnect(receiver)
        missing_functions.set_project_registrations([])


@pytest.mark.usefixtures("adopted_receivers")
def test_what_receivers_and_django_register_is_there_however_far_the_receiver_came(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path)) as database, database:
        database.create_collation("backwards", backwards)
        database.execute("CREATE TABLE t (a text COLLATE backwards UNIQUE)")
        database.executemany("INSERT INTO t VALUES (?)", ["a", "c", "b"])
    before = path.read_bytes()
    with closing(missing_functions.open_for_reading(path)) as database:
        assert database.execute("SELECT a FROM t ORDER BY a").fetchall() == [("c",), ("b",), ("a",)]
        assert database.execute("SELECT twice(21), django_date_extract('year', '2026-01-02')").fetchone() == (42, 2026)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["db.sqlite3"]
