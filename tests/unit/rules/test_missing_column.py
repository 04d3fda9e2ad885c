"""A column that the migrations make and SQLite's table lacks."""

from __future__ import annotations

import pytest

from migrate_to_pg.records import Level
from tests.unit.rules.examined import check_finds, check_healthy, table

TABLE = "CREATE TABLE t (id integer PRIMARY KEY);"
ROW = "INSERT INTO t VALUES (1);"


@pytest.mark.parametrize(
    ("column", "level", "said"),
    [
        ("v text", Level.ERROR, "would refuse 1 row."),
        ("v text NULL", Level.WARNING, "In 1 row it would be NULL"),
        ("v text DEFAULT", Level.WARNING, "In 1 row it would get PostgreSQL's default"),
        ("v bigint SERIAL", Level.WARNING, "In 1 row it would get the next number of its sequence"),
    ],
)
def test_what_postgresql_would_do_decides_the_level(column: str, level: Level, said: str) -> None:
    finding = check_finds("missing-column", TABLE + ROW, table("t", "id bigint", column))
    assert (finding.table, finding.column, finding.level) == ("t", "v", level)
    assert said in finding.explanation


def test_an_empty_table_lacks_no_value() -> None:
    assert check_finds("missing-column", TABLE, table("t", "id bigint", "v text")).level is Level.WARNING


def test_a_generated_column_is_made_by_postgresql() -> None:
    check_healthy(TABLE + ROW, table("t", "id bigint", "v text GENERATED"))


def test_names_are_paired_in_any_case() -> None:
    check_healthy("CREATE TABLE T (ID integer PRIMARY KEY, V text);", table("t", "id bigint", "v text", unique=["v"]))


def test_keys_over_a_missing_column_are_not_looked_at() -> None:
    target = table("t", "id bigint", "v bigint NULL", unique=["v"], refers=[("v", "t.id")])
    check_finds("missing-column", TABLE + ROW, target)
