"""What a program registered with SQLite when it made the database, and nobody does now: read without it, and named."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from migrate_to_pg.codecs.reader import read
from migrate_to_pg.planning import make_plan, read_source
from migrate_to_pg.records import Level, PlannedTable, SourceCatalog, TargetTable
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.file.integrity_check import PAGES, WHOLE, answers
from migrate_to_pg.sqlite import missing_functions
from migrate_to_pg.sqlite.arrow_connections import ArrowConnections
from tests.unit.rules.examined import check_finds, check_healthy, findings, make, table

Script = Callable[[sqlite3.Connection], object]
WORDS = ("b", "A", "c", "D", "é", "a1", "Z", "m")


def fold(one: str, other: str) -> int:
    """Another order than that of bytes."""
    return (one.lower() > other.lower()) - (one.lower() < other.lower())


def with_collation(*statements: str) -> Script:
    """A database whose maker had the collation ``folded`` and the function ``odd``, which are not there any more."""

    def script(database: sqlite3.Connection) -> None:
        database.create_collation("folded", fold)
        database.create_function("odd", 1, lambda value: value, deterministic=True)
        for statement in statements:
            database.execute(statement)
        for name in ("t", "w", "f"):
            if database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [name]).fetchone():
                database.executemany(f"INSERT INTO {name} (id, a) VALUES (?, ?)", enumerate(WORDS))

    return script


ORDINARY = "CREATE TABLE t (id integer PRIMARY KEY, a text COLLATE folded UNIQUE)"
PARTIAL = "CREATE INDEX p ON t (a COLLATE folded) WHERE a <> '('"
WITHOUT_ROWID = "CREATE TABLE w (id integer, a text COLLATE folded PRIMARY KEY) WITHOUT ROWID"
COMPUTED = (
    "CREATE TABLE f (id integer PRIMARY KEY, a text, virtual AS (odd(a)), stored AS (odd(a)) STORED)",
    "CREATE INDEX o ON f (odd(a))",
    "CREATE INDEX op ON f (a) WHERE odd(a) > 'b'",
)
TARGET = table("t", "id bigint", "a text")


@pytest.fixture
def project() -> Iterator[None]:
    """The project registers the collation and the function."""
    missing_functions.set_project_registrations(
        [("create_collation", ("folded", fold), {}), ("create_function", ("odd", 1, str), {"deterministic": True})]
    )
    yield
    missing_functions.set_project_registrations([])


def test_a_collation_that_nobody_has_is_a_warning_with_table_and_name() -> None:
    finding = check_finds("lacking-in-sqlite", with_collation(ORDINARY, PARTIAL), TARGET)
    assert (finding.table, finding.column, finding.level) == ("t", "a", Level.WARNING)
    assert "The collation folded" in finding.explanation


@pytest.mark.usefixtures("project")
def test_what_the_project_registers_is_lacked_by_nobody() -> None:
    check_healthy(with_collation(ORDINARY, PARTIAL), TARGET)
    check_healthy(with_collation(WITHOUT_ROWID), table("w", "id bigint", "a text", key="a"))
    check_healthy(with_collation(COMPUTED[0]), table("f", "id bigint", "a text", "virtual text", "stored text"))


def test_an_index_by_a_missing_collation_is_neither_searched_nor_taken_for_damaged(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    make(
        path, with_collation(ORDINARY.replace("UNIQUE", "NOT NULL"), "CREATE INDEX i ON t (a)", PARTIAL, WITHOUT_ROWID)
    )
    with samples.connect(path, time_zone="UTC") as database:
        for word in WORDS:
            assert database.execute("SELECT a FROM t WHERE a = ?", [word]).fetchall() == [(word,)]
            assert database.execute("SELECT a FROM t WHERE a = ? AND a <> '('", [word]).fetchall() == [(word,)]
        plan = database.execute("EXPLAIN QUERY PLAN SELECT a FROM t WHERE a = 'b' AND a <> '('").fetchall()
        assert [detail for *_, detail in plan] == ["SCAN t"]
        assert database.execute("SELECT count(*) FROM t").fetchone() == (len(WORDS),)
    with closing(sqlite3.connect(path)) as database:
        for pragma in (PAGES, WHOLE):
            assert set(answers(database, pragma)) <= {"ok", ""}
        # A stand-in that stayed would let a view give something else.
        with pytest.raises(sqlite3.OperationalError, match="no such collation"):
            database.execute("SELECT a FROM t ORDER BY a")


def test_damage_beside_a_missing_collation_or_function_is_still_told(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    make(
        path,
        with_collation(
            ORDINARY,
            *COMPUTED,
            "CREATE TABLE x (a, b)",
            "INSERT INTO x VALUES (1, 2)",
            "CREATE INDEX wrong ON x (a)",
            "PRAGMA writable_schema = ON",
            "UPDATE sqlite_master SET sql = 'CREATE INDEX wrong ON x (b)' WHERE name = 'wrong'",
        ),
    )
    with closing(sqlite3.connect(path)) as database:
        told = answers(database, WHOLE)
    assert any("missing from index wrong" in line for line in told)
    assert not any("autoindex_t" in line for line in told)


@pytest.mark.parametrize("known", [False, True], ids=["nobody", "project"])
def test_a_table_that_is_sorted_by_a_collation_of_others_is_loaded_whole(
    known: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The driver that loads has no collation of Python's: such a table is read by Python."""
    if known:
        request.getfixturevalue("project")
    path = tmp_path / "db.sqlite3"
    make(path, with_collation(WITHOUT_ROWID, "CREATE TABLE u (a text)"))
    wanted = table("w", "id bigint", "a text", key="a")
    [planned] = planned_tables(read_source(path), wanted)
    with ArrowConnections(path) as connections:
        batches = list(read(planned, connections, time_zone="UTC"))
    loaded = [value for batch in batches for value in batch.columns[1].values.to_pylist()]
    assert sorted(loaded) == sorted(WORDS)
    assert all(batch.is_valid for batch in batches)


def planned_tables(catalog: SourceCatalog, *targets: TargetTable) -> tuple[PlannedTable, ...]:
    return make_plan(catalog, targets, source_time_zone="UTC").tables


def test_a_function_that_nobody_has_is_named_with_what_it_computes() -> None:
    found = findings(with_collation(*COMPUTED), table("f", "id bigint", "a text", "virtual text GENERATED"), drift=True)
    lacks = [finding for finding in found if finding.rule == "lacking-in-sqlite"]
    assert [finding.column for finding in lacks] == ["virtual, o, op"]
    assert all(finding.level is Level.WARNING for finding in found if finding.rule != "extra-column")


def test_a_column_of_the_project_that_cannot_be_read_is_an_error() -> None:
    (finding,) = findings(with_collation(*COMPUTED), table("f", "id bigint", "a text", "virtual text"))
    assert (finding.rule, finding.table, finding.column, finding.level) == (
        "lacking-in-sqlite", "f", "virtual", Level.ERROR
    )  # fmt: skip
    assert "connection_created" in finding.remedy


VIRTUAL = (
    "PRAGMA writable_schema = ON",
    "INSERT INTO sqlite_master VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING nobodys(a)')",
)


def test_a_virtual_table_without_its_module_is_left_behind_and_named() -> None:
    finding = check_finds("lacking-in-sqlite", with_collation(*VIRTUAL))
    assert (finding.table, finding.level) == ("v", Level.WARNING)
    assert "no such module: nobodys" in finding.explanation


def test_a_virtual_table_of_the_project_without_its_module_is_an_error() -> None:
    finding = check_finds("lacking-in-sqlite", with_collation(*VIRTUAL), table("v", "id bigint"))
    assert finding.level is Level.ERROR


def test_a_view_that_needs_what_is_missing_is_not_read_by_a_stand_in() -> None:
    script = with_collation(ORDINARY, "CREATE VIEW sorted AS SELECT DISTINCT a FROM t WHERE a = 'B'")
    found = {finding.table: finding for finding in findings(script, TARGET)}
    assert "no such collation sequence: folded" in found["sorted"].explanation
    assert "none of its rows is copied" in found["sorted"].explanation


def test_names_that_are_not_utf8_are_named_and_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    make(
        path,
        "CREATE TABLE t (id integer PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'x');"
        "CREATE TABLE ABCDEF (a); INSERT INTO ABCDEF VALUES (1);"
        "CREATE VIEW GHIJKL AS SELECT 1; CREATE TABLE c (MNOPQR, b)",
    )
    raw = path.read_bytes()
    for name in (b"ABCDEF", b"GHIJKL", b"MNOPQR"):
        raw = raw.replace(name, b"\xff" + name[1:-1] + b"\xe9")
    path.write_bytes(raw)
    catalog = read_source(path)
    assert {known.name: bool(known.unreadable) for known in catalog.tables} == {
        "t": False, r"\xffBCDE\xe9": True, "c": False
    }  # fmt: skip
    found = findings(lambda database: copy_into(database, raw), TARGET)
    lacks = {finding.table for finding in found if finding.rule == "lacking-in-sqlite"}
    assert lacks == {r"\xffBCDE\xe9", r"\xffHIJK\xe9", "c"}
    assert all(finding.level is Level.WARNING for finding in found)


def copy_into(database: sqlite3.Connection, raw: bytes) -> None:
    """The bytes of a file become those of the one that is open."""
    (file,) = (row[2] for row in database.execute("PRAGMA database_list"))
    database.close()
    Path(file).write_bytes(raw)
