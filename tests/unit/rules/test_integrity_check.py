"""Damage to the file itself, in SQLite's own words."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

from migrate_to_pg.records import Finding, Level
from migrate_to_pg.rules.integrity_check import WHOLE, findings
from tests.unit.rules.examined import check_finds, check_healthy, table

ROWS = "CREATE TABLE t (id integer PRIMARY KEY, a integer, b integer); INSERT INTO t VALUES (1, 10, 20), (2, 11, 21);"
#: The index keeps a's values and says that they are b's.
WRONG_INDEX = ROWS + (
    "CREATE INDEX i ON t (a); PRAGMA writable_schema = ON;"
    "UPDATE sqlite_master SET sql = 'CREATE INDEX i ON t (b)' WHERE name = 'i';"
)
TARGET = table("t", "id bigint", "a integer", "b integer")


def whole(script: str | Callable[[sqlite3.Connection], object]) -> Finding:
    """What sqlite_doctor finds, which compares the indexes with their tables."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        if callable(script):
            script(database)
        else:
            database.executescript(script)
        database.execute("PRAGMA writable_schema = RESET")
        (finding,) = findings(database, WHOLE)
    return finding


def test_an_index_that_contradicts_its_table_is_told_in_sqlites_words() -> None:
    finding = whole(WRONG_INDEX)
    assert (finding.table, finding.level) == ("", Level.ERROR)
    assert "row 1 missing from index i" in finding.explanation
    assert finding.count >= 2
    assert "REINDEX" in finding.remedy


def test_only_the_first_lines_are_shown_and_all_are_counted() -> None:
    many = WRONG_INDEX.replace(
        "CREATE INDEX i ON t (a);",
        "WITH n(x) AS (SELECT 3 UNION ALL SELECT x + 1 FROM n WHERE x < 90) INSERT INTO t SELECT x, x, -x FROM n;"
        "CREATE INDEX i ON t (a);",
    )
    finding = whole(many)
    assert finding.count >= 90
    assert f"and {finding.count - 20} more" in finding.explanation


def test_a_move_reads_no_index_and_leaves_them_to_the_doctor() -> None:
    check_healthy(WRONG_INDEX, TARGET)


def test_a_damaged_page_stops_a_move() -> None:
    def damaged(database: sqlite3.Connection) -> None:
        database.executescript(ROWS)
        database.execute("PRAGMA writable_schema = ON")
        # Two tables that claim one and the same page.
        database.execute("CREATE TABLE u (id integer PRIMARY KEY, a integer, b integer)")
        database.execute("UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 't')")

    finding = check_finds("integrity-check", damaged, TARGET, table("u", "id bigint", "a integer", "b integer"))
    assert finding.level is Level.ERROR


def test_null_and_check_are_for_the_rules_about_values() -> None:
    script = ROWS + (
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql ="
        " 'CREATE TABLE t (id integer PRIMARY KEY, a integer CHECK (a > 100), b integer)' WHERE name = 't';"
    )
    check_healthy(script, TARGET)


def needs_a_function(database: sqlite3.Connection) -> None:
    database.create_function("odd", 1, lambda value: value % 2, deterministic=True)
    database.execute("CREATE TABLE o (id integer PRIMARY KEY, a integer)")
    database.execute("INSERT INTO o VALUES (1, 1)")
    database.execute("CREATE INDEX odd_ones ON o (odd(a))")


OTHER = table("o", "id bigint", "a integer")


def test_a_function_of_the_applications_own_hides_no_other_table() -> None:
    def damaged_elsewhere(database: sqlite3.Connection) -> None:
        needs_a_function(database)
        database.executescript(WRONG_INDEX)

    assert "index i" in whole(damaged_elsewhere).explanation
    check_healthy(needs_a_function, OTHER)


def test_a_sound_file_is_healthy() -> None:
    check_healthy(ROWS, TARGET)
