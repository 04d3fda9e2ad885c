"""A table that the migrations make and the SQLite database lacks."""

from __future__ import annotations

from migrate_to_pg.records import Level
from tests.unit.rules.examined import check_finds, check_healthy, table

THERE = "CREATE TABLE t (id integer PRIMARY KEY);"


def test_a_table_that_is_not_there_is_named() -> None:
    finding = check_finds("missing-table", THERE, table("t", "id bigint"), table("lost", "id bigint"))
    assert (finding.table, finding.level) == ("lost", Level.WARNING)


def test_names_are_paired_in_any_case() -> None:
    check_healthy(THERE, table("T", "id bigint"))
