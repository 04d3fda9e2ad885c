"""Whole projects unlike our own, each run as its users run it: ``migrate`` on SQLite, rows, then the command."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from migrate_to_pg.postgres.embedded_directory import installed
from tests.conftest import Server, run_sql
from tests.projects import Project
from tests.tiers import first_in_ci

SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'migrate_to_pg_incoming%'"


def dump(url: str) -> list[str]:
    """The schema as pg_dump tells it: every definition of every object, comments and grants included."""
    program = installed(18) / "bin" / "pg_dump"
    told = subprocess.run(
        [program, "--schema-only", "--schema=public", url], capture_output=True, text=True, check=True
    )
    # A random word guards psql against lines that a hostile server adds.
    return [line for line in told.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Project]:
    """name -> that project, its SQLite database migrated."""

    def make(name: str, *, migrate: bool = True) -> Project:
        made = Project(name, tmp_path)
        if migrate:
            made.migrate()
        return made

    return make


@pytest.mark.full
def test_a_model_whose_key_is_none_in_the_table_is_read_row_by_row(
    project: Callable[..., Project], postgres_url: str
) -> None:
    """An unmanaged model must call some column its key: rows that share it are not each other's."""
    shapes = project("shapes")
    shapes.sqlite("INSERT INTO keyless (a, b) VALUES (1, 'x'), (1, 'y'), (1, 'y'), (2, 'x'), (1, 'z')")
    assert "Read by Django's ORM on both sides" in shapes.move(postgres_url).stdout
    assert run_sql(postgres_url, "SELECT b FROM keyless WHERE a = 1 ORDER BY b") == [("x",), ("y",), ("y",), ("z",)]


# --- every kind of object ---

ITEMS = """
INSERT INTO objects_item (category_id, title, mood, position, data, made, price, stock) VALUES
    (1, 'Alpha', 'wild', 1, '{"a": 1}', '2026-01-01 00:00:00', 3, 1),
    (2, 'Beta', 'calm', 5, '{}', '2026-01-01 00:00:00.5', 300, NULL)
"""


@pytest.mark.parametrize("version", [18, pytest.param(16, marks=pytest.mark.full)])
def test_every_kind_of_object_is_published_as_migrate_makes_it(
    project: Callable[..., Project], servers: dict[int, Server], version: int
) -> None:
    url, reference = servers[version].database(), servers[version].database()
    objects = project("objects")
    objects.sqlite(ITEMS)
    objects.migrate(DATABASE_URL=reference)
    objects.move(url)
    check_objects(url, reference)

    # What is there now is user data; it gives way, and comes back.
    refused = objects.move(url, ok=False)
    assert refused.returncode == 1
    assert "--replace" in refused.stderr
    run_sql(url, "INSERT INTO objects_category (name, later) VALUES ('on PostgreSQL', 8)")
    objects.move(url, "--replace")
    check_objects(url, reference)
    objects.undo(url)
    assert run_sql(url, "SELECT count(*) FROM objects_category WHERE name = 'on PostgreSQL'") == [(1,)]
    assert dump(url) == dump(reference)
    assert objects.undo(url, ok=False).returncode == 1
    objects.undo(url, "--replace")
    assert run_sql(url, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [(0,)]


def test_what_postgresql_computes_otherwise_is_told_and_stops_nothing(
    project: Callable[..., Project], servers: dict[int, Server]
) -> None:
    """Upper() knows only ASCII on SQLite."""
    url = servers[18].database("TEMPLATE template0 LOCALE 'C.UTF-8'")
    objects = project("objects")
    objects.sqlite(ITEMS.replace("Beta", "été"))
    moved = objects.move(url, "--verify", "orm", "--json")
    told = json.loads(moved.stdout)
    assert run_sql(url, "SELECT shouted FROM objects_item ORDER BY id") == [("ALPHA",), ("ÉTÉ",)]
    (finding,) = [f for f in told["findings"] if f["rule"] == "computed-otherwise"]
    assert (finding["level"], finding["column"], finding["count"]) == ("warning", "shouted", 1)
    assert finding["samples"] == [{"key": {"id": "2"}, "value": "'éTé' → 'ÉTÉ'"}]
    (items,) = [table for table in told["tables"] if table["name"] == "objects_item"]
    assert (items["cells_computed"], items["differences"]) == (4, 0)


def check_objects(url: str, reference: str) -> None:
    assert dump(url) == dump(reference)
    # Data migrations wrote to staging alone, and gave way to the source's rows.
    names = [(1, "forgot using"), (2, "default connection"), (3, "alias")]
    assert run_sql(url, "SELECT id, name FROM objects_category ORDER BY id") == names
    # The trigger did not fire for the load; it fires now.
    assert run_sql(url, "SELECT count(*) FROM objects_audit") == [(0,)]
    with psycopg.connect(url) as connection, connection.transaction(force_rollback=True):
        connection.execute("UPDATE objects_item SET price = 4 WHERE id = 1")
        assert connection.execute("SELECT text FROM objects_audit").fetchall() == [("UPDATE Alpha",)]
    assert run_sql(url, "SELECT title, feeling::text, ticket FROM cheap") == [("Alpha", "wild", 1000)]
    assert run_sql(url, "SELECT items FROM a_cheap_count") == [(1,)]
    assert run_sql(url, "SELECT name, items FROM items_of_category ORDER BY id") == [
        ("forgot using", 1), ("default connection", 1),
    ]  # fmt: skip
    assert run_sql(url, "SELECT how_many(), atomic_count(), product(x) FROM unnest(ARRAY[2, 3]) x") == [(2, 2, 6)]
    assert run_sql(url, "SELECT what FROM objects_event") == [("made by a migration",)]
    assert run_sql(url, "SELECT double, shouted FROM objects_item ORDER BY id") == [(2, "ALPHA"), (10, "BETA")]
    assert run_sql(url, 'SELECT nextval(\'"Odd ""name"\')')[0][0] >= 7


# --- keys, relations and names of every shape ---

SHAPES = """
INSERT INTO shapes_person (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active,
                           date_joined, motto) VALUES (7, '', 0, 'anna', '', '', '', 0, 1, '2026-01-01', 'per aspera');
INSERT INTO shapes_boss VALUES (7, 'B12');
INSERT INTO shapes_small VALUES (-3), (32766);
INSERT INTO shapes_plain VALUES (-5, NULL), (5, -5), (6, 6);
INSERT INTO shapes_emptied VALUES (41, 'gone');
DELETE FROM shapes_emptied;
INSERT INTO shapes_serial VALUES (12, 'é'), (3, 'E');
INSERT INTO shapes_code VALUES ('b'), ('A'), ('é');
INSERT INTO shapes_unique VALUES ('0123456789abcdef0123456789abcdef', 'A');
INSERT INTO shapes_hen VALUES (1, 2), (2, NULL);
INSERT INTO shapes_egg VALUES (1, NULL), (2, 1);
INSERT INTO shapes_egg_plains VALUES (9, 1, 5), (4, 2, 6);
INSERT INTO shapes_laid VALUES (1, '2026-02-28', 'é', 1);
INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (0, 'y');
INSERT INTO "Quoted Table" VALUES (3, 1, 2, 3);
INSERT INTO "select" VALUES (1, 5, 3);
INSERT INTO "Été" VALUES (8);
INSERT INTO "Été_many" VALUES (2, 8, 3);
INSERT INTO "it's; a {table}" VALUES (77);
INSERT INTO second_loose (id, name, parent_id) VALUES (2, 'friend', NULL), (1, 'loose', 2);
INSERT INTO second_loose_friends VALUES (1, 1, 2), (2, 2, 1);
INSERT INTO shapes_alongnameofamodelthatpostgresqlwillnottakeasitiswrittendown VALUES (1, 10);
INSERT INTO a_table_whose_name_has_more_than_sixty_three_bytes_because_it_explains VALUES (1, 20);
INSERT INTO a_table_whose_name_has_more_than_sixty_three_bytes_because_it_explains_codes VALUES (1, 1, 'b');
"""


def test_keys_relations_and_names_of_every_shape_arrive(
    project: Callable[..., Project], postgres_url: str, servers: dict[int, Server]
) -> None:
    reference = servers[18].database()
    shapes = project("shapes")
    shapes.migrate("--database", "other")
    shapes.sqlite(*SHAPES.split(";\n")[:-1])
    shapes.migrate(DATABASE_URL=reference)
    before = (shapes.folder / "other.sqlite3").read_bytes()
    told = shapes.move(postgres_url, "--json").stdout
    assert dump(postgres_url) == dump(reference)
    report = json.loads(told)
    following = {i["table"]: i["next"] for i in report["identities"]}
    expected = {
        "shapes_small": 32767, "shapes_plain": 7, "shapes_emptied": 42, "shapes_serial": 13, "shapes_egg_plains": 10,
        "Quoted Table": 4, "it's; a {table}": 78, "shapes_laid": 2, "Été": 9, "second_loose": 3,
    }  # fmt: skip
    assert {table: following[table] for table in expected} == expected
    rows = {t["name"]: t["rows_target"] for t in report["tables"]}
    empty = {"shapes_emptied", "shapes_person_groups", "shapes_person_user_permissions"}
    assert {name for name, count in rows.items() if not count and not name.startswith("auth_")} == empty
    for source in ("default", "other"):
        checked = shapes.run("migrate_to_pg", "--check", "--source", source, "--json")
        assert "missing-table" not in {finding["rule"] for finding in json.loads(checked.stdout)["findings"]}, source
    # What belongs to the other database stays there.
    assert "shapes_elsewhere" not in rows
    assert (shapes.folder / "other.sqlite3").read_bytes() == before
    # The application itself finds every table under the name that it has on PostgreSQL.
    shapes.run("shell", "-c", READ_EVERYTHING, DATABASE_URL=postgres_url)
    shapes.run("migrate", "--check", DATABASE_URL=postgres_url)


READ_EVERYTHING = """
from django.apps import apps
for model in apps.get_models(include_auto_created=True):
    if model.__name__ != "Elsewhere":
        list(model._base_manager.all())
"""


# --- a project that writes on every start ---

STARTS = "SELECT count(*) FROM ready_start"


def test_what_a_project_writes_when_it_starts_is_no_live_writer_and_is_told(
    project: Callable[..., Project], postgres_url: str
) -> None:
    ready = project("ready")
    command = ("migrate_to_pg", "--target", postgres_url, "--verify", "--json")
    told = json.loads(ready.run(*command).stdout)
    assert [(f["rule"], f["level"]) for f in told["findings"]] == [("written-at-start", "warning")]
    assert told["source"]["changed"] is False
    assert run_sql(postgres_url, STARTS) == ready.sqlite(STARTS) == [(1,)]


def test_nothing_of_it_reaches_the_source_where_the_project_starts_on_postgresql(
    project: Callable[..., Project], postgres_url: str
) -> None:
    ready = project("ready")
    told = json.loads(ready.move(postgres_url, "--json", DATABASE_URL=postgres_url).stdout)
    assert told["findings"] == []
    assert run_sql(postgres_url, STARTS) == ready.sqlite(STARTS) == [(0,)]
    # With the next start its row is there: undoing would hide it, and says so.
    refused = ready.run("migrate_to_pg", "--undo", ok=False, DATABASE_URL=postgres_url)
    assert refused.returncode == 1
    assert "ready_start: 1 row inserted, 0 changed, 0 deleted" in refused.stderr + refused.stdout


# --- migrations that reach beyond staging ---

STRAYS = [
    "CREATE TABLE public.intruder (id int)",
    "ALTER TABLE public.theirs ADD COLUMN extra int",
    "CREATE OR REPLACE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 2'",
    "INSERT INTO public.theirs VALUES (2)",
    "DROP TABLE public.theirs",
]


@pytest.fixture(scope="module")
def stray_source(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project("stray", tmp_path_factory.mktemp("stray"))
    made.migrate()
    return made


@pytest.fixture
def url_with_objects(postgres_url: str) -> str:
    run_sql(postgres_url, "CREATE TABLE theirs AS SELECT 1 AS id")
    run_sql(postgres_url, "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    return postgres_url


@pytest.mark.parametrize(
    "statement", first_in_ci("; ".join(STRAYS[1:4]), *STRAYS[:1], STRAYS[4]), ids=["changed", "new", "gone"]
)
def test_a_migration_that_names_public_is_rolled_back_and_named(
    stray_source: Project, url_with_objects: str, statement: str
) -> None:
    before = dump(url_with_objects)
    result = stray_source.move(url_with_objects, ok=False, STRAY=statement)
    assert result.returncode == 1
    assert "Migration stray.0002_stray changes schema public" in result.stderr
    assert dump(url_with_objects) == before
    assert run_sql(url_with_objects, "SELECT id FROM theirs") == [(1,)]
    assert run_sql(url_with_objects, SCHEMAS) == []


def test_a_migration_that_is_not_atomic_and_names_public_is_named_all_the_same(
    stray_source: Project, url_with_objects: str
) -> None:
    result = stray_source.move(url_with_objects, ok=False, STRAY=STRAYS[0], STRAY_NOT_ATOMIC="1")
    assert result.returncode == 1
    assert "stray.0002_stray changes schema public" in result.stderr


def test_a_migration_that_uses_another_database_is_stopped_and_named(stray_source: Project, postgres_url: str) -> None:
    result = stray_source.move(postgres_url, ok=False, STRAY_ALIAS="other")
    assert result.returncode == 1
    assert "uses the database 'other'" in result.stderr
    assert "stray.0002_stray" in result.stderr


def test_whatever_a_migration_raises_is_one_line_with_its_name(stray_source: Project, postgres_url: str) -> None:
    result = stray_source.move(postgres_url, ok=False, STRAY_ERROR="1")
    assert result.returncode == 1
    assert "Migration stray.0002_stray does not run on PostgreSQL: KeyError: " in result.stderr


def test_a_failed_run_drops_its_schema_and_a_migration_that_names_it_is_refused(
    stray_source: Project, postgres_url: str
) -> None:
    name = (
        "CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT count(*)::int FROM migrate_to_pg_incoming.stray_thing'"
    )
    result = stray_source.move(postgres_url, ok=False, STRAY=name)
    assert result.returncode == 1
    assert "wrote the name of schema migrate_to_pg_incoming down in function" in result.stderr
    assert run_sql(postgres_url, SCHEMAS) == []


# --- the record of applied migrations ---


def record(source: Project, *names: str) -> None:
    source.sqlite("DELETE FROM django_migrations WHERE app = 'squash'")
    for name in names:
        source.sqlite(f"INSERT INTO django_migrations (app, name, applied) VALUES ('squash', '{name}', '2026-01-01')")


def columns(url: str) -> list[str]:
    query = "SELECT attname FROM pg_attribute WHERE attrelid = 'squash_thing'::regclass AND attnum > 0 ORDER BY attnum"
    return [name for (name,) in run_sql(url, query)]


def test_squashed_migrations_count_as_django_counts_them(project: Callable[..., Project], postgres_url: str) -> None:
    squash = project("squash")
    squash.sqlite("INSERT INTO squash_thing (name, size, colour) VALUES ('a', 1, 'red')")
    record(squash, "0001_initial", "0002_size", "0003_colour", "0000_deleted_long_ago")
    squash.move(postgres_url)
    assert columns(postgres_url) == ["id", "name", "size", "colour"]
    record(squash, "0001_squashed_0002_size", "0003_colour")
    squash.move(postgres_url, "--replace")
    assert columns(postgres_url) == ["id", "name", "size", "colour"]
    # The source's own state, neither more nor less.
    squash.sqlite("ALTER TABLE squash_thing DROP COLUMN colour")
    record(squash, "0001_squashed_0002_size")
    told = squash.move(postgres_url, "--replace").stderr
    assert "has not applied 1 migration (squash.0003_colour)" in told
    assert columns(postgres_url) == ["id", "name", "size"]
    squash.sqlite("ALTER TABLE squash_thing DROP COLUMN size")
    record(squash, "0001_initial")
    squash.move(postgres_url, "--replace")
    assert columns(postgres_url) == ["id", "name"]
    record(squash, "0001_initial", "0003_colour")
    result = squash.move(postgres_url, "--replace", ok=False)
    assert result.returncode == 1
    assert "0003_colour, but not squash.0002_size" in result.stderr
    assert columns(postgres_url) == ["id", "name"]


# --- extensions ---

VECTORS = "CREATE INDEX near ON extension_document USING hnsw ((embedding::vector(3)) vector_l2_ops)"


def check_near(url: str) -> None:
    """The extension works where an application finds it."""
    query = "SELECT id FROM extension_document ORDER BY embedding::vector(3) <-> '[1,0,0]' LIMIT 1"
    assert run_sql(url, query) == [(2,)]
    place = "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'"
    assert run_sql(url, place) == [("public",)]
    assert "vector_l2_ops" in run_sql(url, "SELECT indexdef FROM pg_indexes WHERE indexname = 'near'")[0][0]


@pytest.mark.full
def test_an_extension_of_a_migration_is_published_and_one_in_public_is_used(tmp_path: Path, postgres_url: str) -> None:
    documents = Project("extension", tmp_path)
    documents.migrate(INDEX="")
    documents.sqlite("INSERT INTO extension_document (embedding) VALUES ('[0,0,1]'), ('[1,0,0.5]')")
    documents.move(postgres_url, EXTENSION="vector", INDEX=VECTORS)
    check_near(postgres_url)
    # Now it is in public, and so is a record of migrations that are not staging's.
    documents.move(postgres_url, "--replace", EXTENSION="vector", INDEX=VECTORS)
    check_near(postgres_url)
    documents.undo(postgres_url)
    check_near(postgres_url)
    # Public is visible to the migrations: a stray DROP waits for the guard, and fails.
    run_sql(postgres_url, "CREATE TABLE theirs (id int)")
    stray = documents.move(postgres_url, "--replace", ok=False, INDEX="DROP TABLE theirs")
    assert stray.returncode == 1
    assert "extension.0001_initial does not run on PostgreSQL: canceling statement due to lock timeout" in stray.stderr
    stray = documents.move(postgres_url, "--replace", ok=False, INDEX="INSERT INTO theirs VALUES (1)")
    assert "extension.0001_initial changes schema public" in stray.stderr
    assert run_sql(postgres_url, "SELECT id FROM theirs") == []


def test_an_extension_that_the_server_lacks_is_named(tmp_path: Path, postgres_url: str) -> None:
    documents = Project("extension", tmp_path)
    documents.migrate(INDEX="")
    result = documents.move(postgres_url, ok=False, EXTENSION="postgis", INDEX="")
    assert result.returncode == 1
    assert 'extension "postgis" is not available' in result.stderr
