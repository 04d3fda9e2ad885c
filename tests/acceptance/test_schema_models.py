"""Migrations that do not run on PostgreSQL: what is said of them, and the way out by the models."""

import json
from pathlib import Path

import psycopg
import pytest

from migrate_to_pg.postgres.schema_digest import read_definitions
from tests.acceptance.test_projects import SHAPES
from tests.acceptance.test_projects_differing import NAMES, names, things
from tests.conftest import MakeSource, Run, Server, run_sql
from tests.projects import Project

__all__ = ["things"]


def described(url: str) -> set[tuple[str, str, str]]:
    """The schema object by object; places of columns left out, which AddField puts last."""
    with psycopg.connect(url) as connection:
        found = read_definitions(connection, "public")
    return {(o.kind, o.name, o.definition.split(" ", 1)[-1] if o.kind == "column" else o.definition) for o in found}


def test_a_migration_that_fails_is_named_with_its_operation_its_sql_and_the_way_out(
    things: Project, postgres_url: str
) -> None:
    result = things.move(postgres_url, ok=False, STRAY="SELECT nonsense(1)")
    assert result.returncode == 1
    for words in (
        "Migration stray.0002_stray does not run on PostgreSQL: function nonsense(integer) does not exist",
        "Operation: Raw Python operation",
        "SQL: SELECT nonsense(1)",
        "--schema models",
    ):
        assert words in result.stderr


def test_the_models_make_the_tables_where_the_migrations_do_not_run(things: Project, postgres_url: str) -> None:
    told = json.loads(things.move(postgres_url, "--schema", "models", "--json", STRAY_ERROR="1").stdout)
    assert [(f["rule"], f["level"]) for f in told["findings"]] == [("schema-from-models", "warning")]
    assert names(postgres_url) == NAMES
    source = things.sqlite("SELECT app, name FROM django_migrations ORDER BY id")
    assert run_sql(postgres_url, "SELECT app, name FROM django_migrations ORDER BY id") == source
    assert run_sql(postgres_url, "INSERT INTO stray_thing (name) VALUES ('new') RETURNING id") == [(4,)]
    things.run("migrate", "--check", DATABASE_URL=postgres_url)


def test_a_model_that_postgresql_does_not_take_is_named(tmp_path: Path, postgres_url: str) -> None:
    """Its type is one that only the migrations make."""
    fields = Project("fields", tmp_path)
    fields.migrate()
    result = fields.move(postgres_url, "--schema", "models", ok=False)
    assert result.returncode == 1
    assert 'PostgreSQL does not take the model fields.MoodKey: type "mood" does not exist' in result.stderr
    assert "CREATE EXTENSION" in result.stderr


def test_the_schema_of_the_models_is_the_one_that_migrate_makes(tmp_path: Path, servers: dict[int, Server]) -> None:
    url, reference = servers[18].database(), servers[18].database()
    project = Project("shapes", tmp_path)
    project.migrate()
    project.sqlite(*SHAPES.strip().split(";\n"))
    project.migrate(DATABASE_URL=reference)
    # A column that the unmanaged model must call its key is none in the table: of the model it cannot be made.
    refused = project.move(url, "--schema", "models", ok=False)
    assert "duplicate-key" in refused.stdout
    project.move(url, "--schema", "models", "--leftovers", "skip", "--as-leftovers", "keyless")
    # RunSQL makes the first of these tables, and alters the second.
    assert of_models(url) == of_models(reference)


def of_models(url: str) -> set[tuple[str, str, str]]:
    return {found for found in described(url) if not found[1].startswith(("keyless", "shapes_serial"))}


@pytest.mark.full
def test_so_is_that_of_the_application_of_this_project(
    make_source: MakeSource, servers: dict[int, Server], tmp_path: Path, manage: Run
) -> None:
    url, reference = servers[18].database(), servers[18].migrated()
    options = ("--source", make_source("none"), "--report", tmp_path / "report", "--schema", "models", "--verify")
    manage("migrate_to_pg", *options, DATABASE_URL=url)
    assert described(url) == described(reference)
