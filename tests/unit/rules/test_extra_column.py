"""A column of SQLite's that the migrations do not make."""

from __future__ import annotations

from migrate_to_pg.records import Level
from tests.unit.rules.examined import check_finds, check_healthy, keys, table, values

TARGET = table("t", "id bigint")
TABLE = 'CREATE TABLE t (id integer PRIMARY KEY, "o""ld" varchar(5));'


def test_data_that_would_be_lost_is_an_error() -> None:
    finding = check_finds("extra-column", TABLE + "INSERT INTO t VALUES (1, 'a'), (2, NULL), (3, x'00');", TARGET)
    assert (finding.table, finding.column, finding.count, finding.level) == ("t", 'o"ld', 2, Level.ERROR)
    assert keys(finding) == ["1", "3"]
    assert values(finding) == ["'a'", "x'00'"]
    assert 'DROP COLUMN "o""ld"' in finding.remedy


def test_a_column_of_nothing_but_null_is_a_warning() -> None:
    finding = check_finds("extra-column", TABLE + "INSERT INTO t VALUES (1, NULL);", TARGET)
    assert (finding.count, finding.level, finding.samples) == (1, Level.WARNING, ())


def test_a_generated_column_loses_nothing() -> None:
    script = (
        "CREATE TABLE t (id integer PRIMARY KEY, v text GENERATED ALWAYS AS (id || 'x')); INSERT INTO t VALUES (1);"
    )
    check_healthy(script, TARGET)


def test_without_rowid_the_rows_are_listed_by_their_key() -> None:
    script = "CREATE TABLE t (id integer PRIMARY KEY, v text) WITHOUT ROWID; INSERT INTO t VALUES (1, 'a');"
    finding = check_finds("extra-column", script, TARGET)
    assert (finding.count, keys(finding)) == (1, ["1"])
