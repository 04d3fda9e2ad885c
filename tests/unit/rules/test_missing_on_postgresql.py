"""What the models ask for and PostgreSQL lacks."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from migrate_to_pg.examine import examine
from migrate_to_pg.planning import make_plan, read_source
from migrate_to_pg.postgres.missing_objects import SQLITE_COLLATIONS
from migrate_to_pg.project.model_checks import SQLITE_FUNCTIONS, SQLITE_TYPES
from migrate_to_pg.records import Finding, Level, Need
from tests.unit.rules.examined import table


def found(path: Path, need: Need) -> Finding:
    """What is told of a healthy table."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (id integer NOT NULL PRIMARY KEY)")
    catalog = read_source(path)
    plan = replace(make_plan(catalog, [table("t", "id bigint")], source_time_zone="UTC"), needs=(need,))
    (finding,) = examine(plan, catalog, path, accepted=frozenset(), progress=lambda _: None)
    return finding


@pytest.mark.parametrize(
    ("kind", "name", "says", "remedy"),
    [
        ("collation", "NOCASE", "asks for the collation NOCASE.", 'CreateCollation("NOCASE", provider="icu"'),
        ("collation", "RTRIM", "asks for the collation RTRIM.", "Take it out of the migration"),
        ("function", "hex", "calls the function hex.", "what both databases have"),
        ("type", "datetime", "has the type datetime.", "what both databases have"),
    ],
)
def test_what_is_sqlites_is_an_error(tmp_path: Path, kind: str, name: str, says: str, remedy: str) -> None:
    need = Need(kind=kind, name=name, object="shop.Item.name", table="t", column="name", is_sqlite=True)
    finding = found(tmp_path / "db.sqlite3", need)
    assert (finding.rule, finding.level, finding.table, finding.column) == (
        "missing-on-postgresql", Level.ERROR, "t", "name",
    )  # fmt: skip
    assert finding.blocks
    assert finding.explanation.startswith(f"shop.Item.name {says} It is SQLite's")
    assert remedy in finding.remedy


def test_what_only_a_server_knows_stops_nobody(tmp_path: Path) -> None:
    need = Need(kind="extension", name="hstore", object="shop.Item.name", table="t", column="name")
    finding = found(tmp_path / "db.sqlite3", need)
    assert (finding.level, finding.blocks) == (Level.WARNING, False)
    assert "No server was asked" in finding.explanation
    assert finding.remedy == "As a superuser, run in the target's database: CREATE EXTENSION hstore;"


def test_what_counts_as_sqlites_no_postgresql_has(each_postgres_url: str) -> None:
    query = """
        SELECT proname FROM pg_proc WHERE proname = ANY (%s)
        UNION ALL SELECT typname FROM pg_type WHERE typname = ANY (%s)
        UNION ALL SELECT collname FROM pg_collation WHERE lower(collname) = ANY (%s)
    """
    with psycopg.connect(each_postgres_url) as connection:
        names = [sorted(one) for one in (SQLITE_FUNCTIONS, SQLITE_TYPES, SQLITE_COLLATIONS)]
        assert connection.execute(query, names).fetchall() == []
    with closing(sqlite3.connect(":memory:")) as database:
        there = {row[0] for row in database.execute("SELECT name FROM pragma_function_list")}
        collations = {row[0].lower() for row in database.execute("SELECT name FROM pragma_collation_list")}
    assert collations >= SQLITE_COLLATIONS
    # timediff and unhex came with later versions of SQLite.
    assert SQLITE_FUNCTIONS - there <= {"timediff", "unhex"}
