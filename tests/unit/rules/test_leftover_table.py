"""A table that no migration knows."""

from __future__ import annotations

from migrate_to_pg.records import Level
from tests.unit.rules.examined import check_finds, check_healthy, table

FULL = 'CREATE TABLE "co""urse_backup" (id integer PRIMARY KEY); INSERT INTO "co""urse_backup" VALUES (1), (2);'


def test_rows_that_would_stay_behind_are_an_error() -> None:
    finding = check_finds("leftover-table", FULL)
    assert (finding.table, finding.column, finding.count, finding.level) == ('co"urse_backup', "", 2, Level.ERROR)
    assert 'DROP TABLE "co""urse_backup";' in finding.remedy
    assert "--leftovers skip" in finding.remedy


def test_the_user_may_leave_them_behind() -> None:
    finding = check_finds("leftover-table", FULL, skip_leftovers=True)
    assert finding.level is Level.WARNING
    assert "you chose so" in finding.explanation


def test_an_empty_one_is_a_warning() -> None:
    finding = check_finds("leftover-table", "CREATE TABLE new__course (id integer PRIMARY KEY);")
    assert (finding.count, finding.level) == (1, Level.WARNING)


def test_sqlites_own_tables_are_none() -> None:
    script = "CREATE TABLE t (id integer PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES (1); ANALYZE;"
    check_healthy(script, table("t", "id bigint"))


def test_a_virtual_table_is_told_once_without_the_tables_it_keeps_its_contents_in() -> None:
    script = "CREATE VIRTUAL TABLE search USING fts5(body); INSERT INTO search VALUES ('x');"
    finding = check_finds("leftover-table", script)
    assert (finding.table, finding.count) == ("search", 1)
    assert "virtual table" in finding.explanation
