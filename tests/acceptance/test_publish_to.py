"""--publish-to: another final schema than public, whatever its name; the application sees it by its search_path."""

import json
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from migrate_to_pg.errors import UsageError
from migrate_to_pg.pipeline import move
from migrate_to_pg.postgres.schema_digest import read_definitions
from migrate_to_pg.records import Options
from tests.acceptance.test_projects import SCHEMAS
from tests.conftest import Server, run_sql, scalar
from tests.projects import Project

HOSTILE = """My "app", o'clock; \\ %s"""


def quoted(name: str) -> str:
    return sql.Identifier(name).as_string(None)


def seeing(url: str, path: str) -> str:
    """The URL of an application whose connections have that search_path."""
    setting = f"search_path={path}".replace("\\", "\\\\").replace(" ", "\\ ")
    return f"{url}?options={quote(f'-c {setting}')}"


def described(url: str, schema: str) -> set[tuple[str, str, str]]:
    """Every object of it; what a function is told of the search path is the schema's own."""
    with psycopg.connect(url) as connection:
        prefix = scalar(connection.execute("SELECT quote_ident(%s) || '.'", [schema]))
        told = {(d.kind, d.name, d.definition.replace(prefix, "")) for d in read_definitions(connection, schema)}
    return {item for item in told if item[1] != "how_many()"}


def tables(url: str, schema: str) -> int:
    return int(run_sql(url, "SELECT count(*) FROM pg_tables WHERE schemaname = %s", [schema])[0][0])


PROGRAM = """
from tests.projects.objects.models import Category, Item
print([c.name for c in Category.objects.order_by("id")], Item.objects.filter(category__name="alias").count())
print(Category.objects.create(name="new").id)
"""


@pytest.mark.parametrize("schema", [pytest.param("app", marks=pytest.mark.full), HOSTILE], ids=["app", "hostile"])
def test_everything_is_published_to_the_schema_and_the_application_works_in_it(
    objects: Project, servers: dict[int, Server], schema: str
) -> None:
    url, reference = servers[18].database(), servers[18].database()
    objects.migrate(DATABASE_URL=reference)
    run_sql(url, f"CREATE SCHEMA {quoted(schema)}".encode())
    objects.move(url, "--publish-to", schema)
    assert tables(url, "public") == 0
    assert described(url, schema) == described(reference, "public")
    path = seeing(url, quoted(schema))
    objects.run("migrate", "--check", DATABASE_URL=path)
    read = objects.run("shell", "-v0", "-c", PROGRAM, DATABASE_URL=path).stdout.splitlines()
    assert read == ["['forgot using', 'default connection', 'alias'] 0", "4"]
    # A function that took the search path of its making sees the tables, whoever calls it.
    assert run_sql(url, sql.SQL("SELECT {}.how_many()").format(sql.Identifier(schema))) == [(2,)]
    assert run_sql(url, SCHEMAS) == []


def test_the_advice_makes_the_application_see_the_schema(objects: Project, postgres_url: str) -> None:
    run_sql(postgres_url, f"CREATE SCHEMA {quoted(HOSTILE)}".encode())
    report = objects.folder / "report"
    objects.move(postgres_url, "--publish-to", HOSTILE, "--report", str(report))
    elsewhere = objects.run("migrate_to_pg", "--verify-only", "--target", postgres_url, ok=False)
    assert elsewhere.returncode == 3
    assert f"none of the source's tables: what is published is in {HOSTILE}." in " ".join(elsewhere.stdout.split())
    told = json.loads((report / "report.json").read_text())
    assert told["target"]["schema"] == HOSTILE
    assert "--publish-to" in told["command"]
    (advice,) = (step for step in told["next_steps"] if "search_path" in step)
    role = f"reader_{postgres_url.rsplit('/', 1)[1]}"
    run_sql(postgres_url, f"CREATE ROLE {role} LOGIN SUPERUSER")
    statement = advice[advice.index("ALTER ROLE ...") : advice.index(";  for" if ";  for" in advice else "; for") + 1]
    run_sql(postgres_url, statement.replace("...", role).encode())
    url = postgres_url.replace("postgres@", f"{role}@")
    objects.run("migrate", "--check", DATABASE_URL=url)
    option = advice[advice.index('"options": ') + len('"options": ') : advice.index(" in the OPTIONS")]
    with psycopg.connect(postgres_url, options=eval(option)) as connection:  # noqa: S307 - Python, as advised
        assert connection.execute("SELECT count(*) FROM objects_item").fetchall() == [(2,)]


@pytest.mark.full
def test_two_schemas_of_one_database_are_kept_apart(objects: Project, postgres_url: str) -> None:
    run_sql(postgres_url, "CREATE SCHEMA app")
    in_app = ("--publish-to", "app")
    objects.move(postgres_url, *in_app)
    objects.move(postgres_url)
    objects.move(postgres_url, "--replace", *in_app)
    assert objects.move(postgres_url, *in_app, ok=False).returncode == 1
    objects.run("migrate_to_pg", "--verify-only", "--source", objects.source, "--target", postgres_url, *in_app)
    app, public = tables(postgres_url, "app"), tables(postgres_url, "public")
    assert app == public > 5
    # What was replaced in app is no business of a purge of public, nor is what was undone there.
    listed = objects.run("migrate_to_pg", "--purge", "--no-input", "--target", postgres_url)
    assert "migrate_to_pg_replaced" not in listed.stdout
    objects.undo(postgres_url)
    assert (tables(postgres_url, "app"), tables(postgres_url, "public")) == (app, 0)
    refused = objects.undo(postgres_url, ok=False)
    assert refused.returncode == 1
    assert "what is published is in app" in refused.stderr
    objects.undo(postgres_url, *in_app)
    objects.undo(postgres_url, *in_app)
    assert (tables(postgres_url, "app"), tables(postgres_url, "public")) == (0, 0)
    kept = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'migrate\\_to\\_pg\\_undone%%' ORDER BY 1"
    assert len(run_sql(postgres_url, kept, [])) == 3
    objects.run("migrate_to_pg", "--purge", "--no-input", "--target", postgres_url, *in_app)
    assert len(run_sql(postgres_url, kept, [])) == 1
    objects.run("migrate_to_pg", "--purge", "--no-input", "--target", postgres_url)
    assert run_sql(postgres_url, kept, []) == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("pg_catalog", "PostgreSQL keeps that schema for itself"),
        ("information_schema", "PostgreSQL keeps that schema for itself"),
        ("migrate_to_pg", "this command works in that schema"),
        ("migrate_to_pg_incoming", "this command works in that schema"),
        ("migrate_to_pg_replaced_20260101_000000", "this command works in that schema"),
        ("x" * 64, "longer than 63 bytes"),
    ],
)
def test_a_schema_that_cannot_be_meant_is_a_matter_of_usage(name: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as refused:
        move.run(Options(source="db.sqlite3", publish_to=name))
    assert refused.value.remedy


@pytest.mark.parametrize(
    "mode",
    [
        "--undo",
        *(pytest.param(mode, marks=pytest.mark.full) for mode in ("--verify-only", "--purge", "--check", "--rehearse")),
    ],
)
def test_so_it_is_whatever_is_asked_for(objects: Project, mode: str) -> None:
    refused = objects.run(
        "migrate_to_pg", "--target", "postgres://u@nowhere/d", "--publish-to", "pg_toast", mode, ok=False
    )
    assert refused.returncode == 2
    assert "PostgreSQL keeps that schema for itself" in refused.stderr


@pytest.mark.full
def test_a_schema_that_is_not_there_is_named_with_what_to_run(objects: Project, postgres_url: str) -> None:
    refused = objects.move(postgres_url, "--publish-to", HOSTILE, ok=False)
    assert refused.returncode == 1
    remedy = next(line for line in refused.stderr.splitlines() if "CREATE SCHEMA" in line)
    run_sql(postgres_url, remedy[remedy.index("CREATE SCHEMA") :].strip().encode())
    objects.move(postgres_url, PROJECT_MIGRATE_TO_PG=json.dumps({"PUBLISH_TO": HOSTILE}))
    assert tables(postgres_url, HOSTILE) > 5


@pytest.mark.full
def test_tables_made_of_the_models_go_there_as_well(tmp_path: Path, postgres_url: str) -> None:
    project = Project("stray", tmp_path)
    project.migrate()
    project.sqlite("INSERT INTO stray_thing (name) VALUES ('a')")
    run_sql(postgres_url, "CREATE SCHEMA app")
    project.move(postgres_url, "--publish-to", "app", "--schema", "models")
    assert run_sql(postgres_url, "SELECT name FROM app.stray_thing") == [("a",)]


STRAYS = [
    "CREATE TABLE public.left_here (a int)",
    "UPDATE public.theirs SET name = 'gone'",
    # Where public holds an extension that migrations need, they see its tables as well.
    "UPDATE theirs SET name = 'gone'",
    "DROP TABLE theirs",
    "CREATE TABLE app.left_here (a int)",
]


@pytest.mark.parametrize("statement", [STRAYS[0], *(pytest.param(s, marks=pytest.mark.full) for s in STRAYS[1:])])
def test_a_migration_that_writes_beside_its_schema_is_stopped(
    tmp_path: Path, postgres_url: str, statement: str
) -> None:
    project = Project("stray", tmp_path)
    project.migrate()
    run_sql(postgres_url, "CREATE SCHEMA app; CREATE EXTENSION vector SCHEMA public")
    run_sql(postgres_url, "CREATE TABLE public.theirs (name text); INSERT INTO public.theirs VALUES ('precious')")
    refused = project.move(postgres_url, "--publish-to", "app", ok=False, STRAY=statement)
    assert refused.returncode == 1, refused.stderr
    assert run_sql(postgres_url, "SELECT name FROM theirs") == [("precious",)]
    assert (tables(postgres_url, "app"), tables(postgres_url, "public")) == (0, 1)
