"""Keys without a parent row, compared as PostgreSQL will see them."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate_to_pg.planning import make_plan, read_source
from migrate_to_pg.rules import Subject, samples
from migrate_to_pg.rules.keys.foreign_key_orphan import is_rowid
from tests.unit.rules.examined import check_finds, check_healthy, findings, keys, make, table, values

PARENT = table("parent", "id bigint")
CHILD = table("child", "id bigint", "parent_id bigint NULL", refers=[("parent_id", "parent.id")])
TABLES = """
    CREATE TABLE parent (id integer PRIMARY KEY);
    CREATE TABLE child (id integer PRIMARY KEY, parent_id bigint);
    INSERT INTO parent VALUES (1), (2);
"""


def test_null_and_present_keys_are_healthy() -> None:
    check_healthy(TABLES + "INSERT INTO child VALUES (1, 1), (2, NULL), (3, 2);", PARENT, CHILD)


def test_empty_tables_are_healthy() -> None:
    check_healthy(TABLES, PARENT, CHILD)


def test_orphans_are_counted_and_the_first_five_shown() -> None:
    rows = ", ".join(f"({n}, {n * 100})" for n in range(10, 17))
    finding = check_finds("foreign-key-orphan", TABLES + f"INSERT INTO child VALUES (1, 1), {rows};", PARENT, CHILD)
    assert (finding.table, finding.column, finding.count) == ("child", "parent_id", 7)
    assert keys(finding) == ["10", "11", "12", "13", "14"]
    assert values(finding) == ["1000", "1100", "1200", "1300", "1400"]
    assert "parent (id)" in finding.explanation
    assert 'NOT IN (SELECT "id" FROM "parent")' in finding.remedy
    assert finding.blocks


def test_the_parent_may_have_lost_its_key() -> None:
    """A NULL among the parents must not hide the orphans, as it would from a bare NOT IN."""
    script = """
        CREATE TABLE parent (id);
        CREATE TABLE child (id integer PRIMARY KEY, parent_id bigint);
        INSERT INTO parent VALUES (1), (NULL);
        INSERT INTO child VALUES (1, 1), (2, 9);
    """
    found = findings(script, CHILD, PARENT)
    assert [(f.rule, f.table, f.count) for f in found] == [
        ("foreign-key-orphan", "child", 1),
        ("null-in-not-null", "parent", 1),
    ]


def test_citext_keys_are_left_to_postgresql() -> None:
    parent = table("parent", "code citext", key="code")
    child = table("child", "id bigint", "code citext", refers=[("code", "parent.code")])
    script = """
        CREATE TABLE parent (code text PRIMARY KEY);
        CREATE TABLE child (id integer PRIMARY KEY, code text);
        INSERT INTO parent VALUES ('É');
        INSERT INTO child VALUES (1, 'é');
    """
    check_healthy(script, parent, child)


def test_a_descending_integer_key_may_hold_null() -> None:
    script = """
        CREATE TABLE parent (id INTEGER PRIMARY KEY DESC);
        CREATE TABLE child (id integer PRIMARY KEY, parent_id bigint);
        INSERT INTO parent VALUES (1), (NULL);
        INSERT INTO child VALUES (1, 1), (2, 9);
    """
    assert ("foreign-key-orphan", 1) in [(f.rule, f.count) for f in findings(script, PARENT, CHILD)]


@pytest.mark.parametrize(
    ("declaration", "is_one"),
    [
        ("(id INTEGER PRIMARY KEY)", True),
        ("(id integer, PRIMARY KEY (id))", True),
        ("(id INTEGER PRIMARY KEY DESC)", False),
        ("(id bigint PRIMARY KEY)", False),
        ("(id integer UNIQUE)", False),
        ("(id integer, other integer, PRIMARY KEY (id, other))", False),
        ("(id integer PRIMARY KEY) WITHOUT ROWID", False),
    ],
)
def test_which_column_is_the_rowid(tmp_path: Path, declaration: str, is_one: bool) -> None:
    make(tmp_path / "db", f"CREATE TABLE parent {declaration};")
    catalog = read_source(tmp_path / "db")
    plan = make_plan(catalog, [PARENT], source_time_zone="UTC")
    with samples.connect(tmp_path / "db", time_zone="UTC") as database:
        subject = Subject(plan=plan, catalog=catalog, database=database)
        assert is_rowid(subject, plan.tables[0], list(plan.tables[0].columns)) is is_one


def test_without_the_parent_table_every_key_is_an_orphan() -> None:
    script = (
        "CREATE TABLE child (id integer PRIMARY KEY, parent_id bigint); INSERT INTO child VALUES (1, 1), (2, NULL);"
    )
    found = findings(script, PARENT, CHILD)
    assert [finding.rule for finding in found] == ["foreign-key-orphan", "missing-table"]
    assert found[0].count == 1
    assert "refers to parent (id), but SQLite has no such table" in found[0].explanation


def test_text_in_an_integer_key_is_one_finding_of_another_rule() -> None:
    check_finds("wrong-storage-class", TABLES + "INSERT INTO child VALUES (1, 'AGV211'), (2, 1);", PARENT, CHILD)


def test_a_key_out_of_range_is_one_finding_of_another_rule() -> None:
    child = table("child", "id bigint", "parent_id integer NULL", refers=[("parent_id", "parent.id")])
    check_finds("integer-out-of-range", TABLES + "INSERT INTO child VALUES (1, 3000000000);", PARENT, child)


def test_a_self_reference_is_checked() -> None:
    node = table("node", "id bigint", "up_id bigint NULL", refers=[("up_id", "node.id")])
    script = (
        "CREATE TABLE node (id integer PRIMARY KEY, up_id bigint); INSERT INTO node VALUES (1, NULL), (2, 1), (3, 8);"
    )
    assert keys(check_finds("foreign-key-orphan", script, node)) == ["3"]


def test_text_keys_differ_by_case_whatever_sqlite_thinks() -> None:
    parent = table("parent", "code character varying(9)", key="code")
    child = table("child", "id bigint", "code character varying(9)", refers=[("code", "parent.code")])
    script = """
        CREATE TABLE parent (code varchar(9) COLLATE NOCASE PRIMARY KEY);
        CREATE TABLE child (id integer PRIMARY KEY, code varchar(9) COLLATE NOCASE);
        INSERT INTO parent VALUES ('AGV');
        INSERT INTO child VALUES (1, 'AGV'), (2, 'agv');
    """
    assert values(check_finds("foreign-key-orphan", script, parent, child)) == ["'agv'"]


@pytest.mark.parametrize(
    ("type_sql", "parent_value", "child_value"),
    [
        ("uuid", "'5c0d5a8fb7b34f7c9a3f3ac7f9e0a4d1'", "'5C0D5A8F-B7B3-4F7C-9A3F-3AC7F9E0A4D1'"),
        ("uuid", "'5c0d5a8fb7b34f7c9a3f3ac7f9e0a4d1'", "'urn:uuid:5c0d5a8f-b7b3-4f7c-9a3f-3ac7f9e0a4d1'"),
        ("numeric(8, 2)", "1", "1.0"),
        ("timestamp with time zone", "'2024-01-01 10:00:00'", "'2024-01-01T12:00:00+02:00'"),
        ("date", "'2024-01-01'", "'2024-01-01'"),
        ("integer", "7", "7"),
        ("double precision", "1", "1.0"),
    ],
)
def test_one_value_in_two_spellings_is_one_key(type_sql: str, parent_value: str, child_value: str) -> None:
    parent = table("parent", f"key {type_sql}", key="key")
    child = table("child", "id bigint", f"key {type_sql}", refers=[("key", "parent.key")])
    script = f"""
        CREATE TABLE parent (key);
        CREATE TABLE child (id integer PRIMARY KEY, key);
        INSERT INTO parent VALUES ({parent_value});
        INSERT INTO child VALUES (1, {child_value});
    """
    # That SQLite itself misses it may be told; an orphan it is not.
    assert {f.rule for f in findings(script, parent, child)} <= {"key-spelled-otherwise"}


PAIRS = (
    table("parent", "a bigint", "b bigint", key="a, b"),
    table("child", "id bigint", "a bigint NULL", "b bigint NULL", refers=[("a, b", "parent.a, b")]),
)
PAIR_TABLES = """
    CREATE TABLE parent (a integer, b integer, PRIMARY KEY (a, b));
    CREATE TABLE child (id integer PRIMARY KEY, a integer, b integer);
    INSERT INTO parent VALUES (1, 1), (1, 2);
"""


def test_a_compound_key_with_a_null_part_refers_to_nothing() -> None:
    check_healthy(PAIR_TABLES + "INSERT INTO child VALUES (1, 1, 1), (2, 9, NULL), (3, NULL, NULL);", *PAIRS)


def test_a_compound_key_is_compared_as_a_whole() -> None:
    finding = check_finds("foreign-key-orphan", PAIR_TABLES + "INSERT INTO child VALUES (1, 1, 2), (2, 2, 1);", *PAIRS)
    assert (finding.column, finding.count) == ("a, b", 1)
    assert values(finding) == ["2, 1"]


def test_without_rowid_the_rows_are_listed_by_their_key() -> None:
    script = """
        CREATE TABLE parent (id integer PRIMARY KEY);
        CREATE TABLE child (id integer PRIMARY KEY, parent_id bigint) WITHOUT ROWID;
        INSERT INTO child VALUES (1, 5);
    """
    finding = check_finds("foreign-key-orphan", script, PARENT, CHILD)
    assert (finding.count, keys(finding)) == (1, ["1"])


def test_columns_may_take_the_names_of_the_rowid() -> None:
    child = table("child", "rowid bigint", "oid bigint NULL", key="rowid", refers=[("oid", "parent.id")])
    script = """
        CREATE TABLE parent (id integer PRIMARY KEY);
        CREATE TABLE child (rowid text, oid bigint);
        INSERT INTO child VALUES (50, 5);
    """
    found = findings(script, PARENT, child)
    assert [(f.rule, keys(f)) for f in found] == [("foreign-key-orphan", ["50"]), ("wrong-storage-class", ["50"])]
