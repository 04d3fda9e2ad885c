"""Parts of unique indexes in SQLite's SQL, and duplicates under them."""

from __future__ import annotations

import pytest

from migrate_to_pg.records import Level, TargetTable, TargetUnique
from tests.unit.rules.examined import check_finds, check_healthy, findings, keys, table, values

SCRIPT = "CREATE TABLE t (id integer PRIMARY KEY, a text, b varchar(20), n integer, ok bool);"


def target(*expressions: str, predicate: str = "", nulls_not_distinct: bool = False) -> TargetTable:
    unique = TargetUnique(
        name="same", columns=(), expressions=expressions, predicate=predicate, nulls_not_distinct=nulls_not_distinct
    )
    columns = ("id bigint", "a text NULL", "b character varying(20) NULL", "n integer NULL", "ok boolean NULL")
    return table("t", *columns, unique=[unique])


@pytest.mark.parametrize(
    ("expression", "first", "second", "other"),
    [
        ("lower(a)", "'Abc'", "'aBC'", "'abcd'"),
        ('(LOWER("a"))', "'Abc'", "'aBC'", "'abcd'"),
        ("lower((a)::text) DESC", "'Abc'", "'aBC'", "'abcd'"),
        ("upper(a)", "'x'", "'X'", "'y'"),
        ("TRIM(BOTH FROM a)", "' x'", "'x '", "'x' || char(9)"),
        ('(TRIM("a"))', "' x'", "'x '", "'x x'"),
        ("TRIM(LEADING FROM a)", "' x'", "'x'", "'x '"),
        ("rtrim(a)", "'x '", "'x'", "' x'"),
        ("btrim(lower(a))", "' X'", "'x'", "'y'"),
        ("COALESCE(a, ''::text)", "NULL", "''", "' '"),
        ("COALESCE(a, 'it''s'::text)", "NULL", "'it''s'", "'its'"),
    ],
)
def test_what_is_equal_there_is_found(expression: str, first: str, second: str, other: str) -> None:
    script = SCRIPT + f"INSERT INTO t (id, a) VALUES (1, {first}), (2, {other}), (3, {second});"
    finding = check_finds("duplicate-key", script, target(expression))
    assert (finding.column, finding.count, keys(finding), finding.level) == ("a", 1, ["3"], Level.ERROR)
    assert "(1 = " not in values(finding)[0]
    assert "(2 rows, the first: id = 1)" in values(finding)[0]
    assert "constraint same" in finding.explanation


@pytest.mark.parametrize("expression", ["lower(a)", "upper(a)"])
def test_letters_beyond_ascii_are_the_locales(expression: str) -> None:
    script = SCRIPT + "INSERT INTO t (id, a) VALUES (1, 'É'), (2, 'é'), (3, 'ß'), (4, 'SS');"
    finding = check_finds("duplicate-key", script, target(expression))
    assert (finding.count, keys(finding), finding.level) == (1, ["2"], Level.WARNING)
    assert "most locales find them equal" in finding.explanation


def test_where_some_are_certain_only_those_are_counted() -> None:
    script = SCRIPT + "INSERT INTO t (id, a) VALUES (1, 'É'), (2, 'é'), (3, 'a'), (4, 'A');"
    finding = check_finds("duplicate-key", script, target("lower(a)"))
    assert (finding.count, keys(finding), finding.level) == (1, ["4"], Level.ERROR)
    assert "may repeat as well" in finding.explanation


def test_all_parts_count() -> None:
    script = (
        SCRIPT
        + "INSERT INTO t (id, a, n) VALUES (1, 'x', 1), (2, 'X', 2), (3, 'X', 1), (4, 'X', NULL), (5, 'x', NULL);"
    )
    finding = check_finds("duplicate-key", script, target("lower(a)", "n"))
    assert (finding.column, keys(finding)) == ("a, n", ["3"])
    finding = check_finds("duplicate-key", script, target("lower(a)", "COALESCE(n, 0)"))
    assert keys(finding) == ["3", "5"]
    finding = check_finds("duplicate-key", script, target("lower(a)", "n", nulls_not_distinct=True))
    assert keys(finding) == ["3", "5"]


def test_a_condition_leaves_rows_out() -> None:
    script = SCRIPT + "INSERT INTO t (id, a, ok) VALUES (1, 'x', 1), (2, 'X', 0), (3, 'X', 1);"
    assert keys(check_finds("duplicate-key", script, target("lower(a)", predicate="ok"))) == ["3"]
    check_healthy(script, target("lower(a)", predicate="(n > 5)"))


def test_values_of_another_fault_take_no_part() -> None:
    rows = "(1, CAST(x'e9' AS TEXT)), (2, CAST(x'e9' AS TEXT)), (3, x'41'), (4, x'41')"
    found = findings(SCRIPT + f"INSERT INTO t (id, a) VALUES {rows};", target("lower(a)"))
    assert {f.rule for f in found} == {"invalid-utf8", "wrong-storage-class"}


@pytest.mark.parametrize(
    "expression",
    ["md5(a)", "lower(n)", "a || b", "lower(zz)", "(a)::varchar(3)", "COALESCE(a, n)", "lower(a", "'x'", "",
     "lower(a, b)", "COALESCE(a)", "substr(a, 1)"],
)  # fmt: skip
def test_what_is_not_understood_is_postgresqls(expression: str) -> None:
    script = SCRIPT + "INSERT INTO t (id, a) VALUES (1, 'x'), (2, 'x');"
    check_healthy(script, target(expression))
