"""Damage to the file itself, in SQLite's own words."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from migrate_to_pg.planning import read_source
from migrate_to_pg.records import Finding, Level
from migrate_to_pg.rules.file.integrity_check import WHOLE, findings
from tests.unit.rules.examined import check_finds, check_healthy, make, table

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


def emptied_index(database: sqlite3.Connection) -> None:
    """The root of an index becomes a leaf without entries: SQLite counts rows by way of it, and gives 0."""
    database.executescript(ROWS + "CREATE INDEX i ON t (a); CREATE INDEX odd ON t (b) WHERE b > 20;")
    (page,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'i'").fetchone()
    (file,) = (row[2] for row in database.execute("PRAGMA database_list"))
    (size,) = database.execute("PRAGMA page_size").fetchone()
    with Path(file).open("r+b") as stream:
        stream.seek((page - 1) * size)
        stream.write(bytes([10, 0, 0, 0, 0]) + (size % 65536).to_bytes(2) + b"\0")


def test_an_index_that_lacks_entries_stops_a_move_and_hides_no_row(tmp_path: Path) -> None:
    finding = check_finds("integrity-check", emptied_index, TARGET)
    assert "Table t holds 2 rows, and its index i 0." in finding.explanation
    assert finding.blocks
    make(tmp_path / "db.sqlite3", emptied_index)
    (known,) = read_source(tmp_path / "db.sqlite3").tables
    assert known.rows == 2


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
    assert check_finds("lacking-in-sqlite", needs_a_function, OTHER).level is Level.WARNING


def test_a_sound_file_is_healthy() -> None:
    check_healthy(ROWS, TARGET)
