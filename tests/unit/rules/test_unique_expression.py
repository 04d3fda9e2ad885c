"""Duplicates under unique constraints of expressions, as Django writes these for SQLite."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Length, Lower, LTrim, Mod, RTrim, Substr, Trim, Upper

from migrate_to_pg.records import Level, TargetTable, TargetUnique
from tests.unit.rules.examined import check_finds, check_healthy, findings, keys, table, values
from tests.unit.rules.promising import table_with

SCRIPT = "CREATE TABLE t (id integer PRIMARY KEY, a text, b varchar(20), n integer, ok bool);"


def target(*expressions: Any, **options: Any) -> TargetTable:
    fields: dict[str, models.Field[Any, Any]] = {
        "a": models.TextField(null=True),
        "b": models.CharField(max_length=20, null=True),
        "n": models.IntegerField(null=True),
        "ok": models.BooleanField(null=True),
    }
    return table_with(models.UniqueConstraint(*expressions, name="same", **options), fields=fields)


@pytest.mark.parametrize(
    ("expression", "first", "second", "other"),
    [
        (Lower("a"), "'Abc'", "'aBC'", "'abcd'"),
        (Lower("a").desc(), "'Abc'", "'aBC'", "'abcd'"),
        (Upper("a"), "'x'", "'X'", "'y'"),
        (Trim("a"), "' x'", "'x '", "'x' || char(9)"),
        (LTrim("a"), "' x'", "'x'", "'x '"),
        (RTrim("a"), "'x '", "'x'", "' x'"),
        (Trim(Lower("a")), "' X'", "'x'", "'y'"),
        (Substr("a", 1, 2), "'éa'", "'éab'", "'ée'"),
        (Coalesce("a", Value("")), "NULL", "''", "' '"),
        (Coalesce("a", Value("it's")), "NULL", "'it''s'", "'its'"),
    ],
)
def test_what_is_equal_there_is_found(expression: object, first: str, second: str, other: str) -> None:
    script = SCRIPT + f"INSERT INTO t (id, a) VALUES (1, {first}), (2, {other}), (3, {second});"
    finding = check_finds("duplicate-key", script, target(expression))
    assert (finding.column, finding.count, keys(finding), finding.level) == ("a", 1, ["3"], Level.ERROR)
    assert "(1 = " not in values(finding)[0]
    assert "(2 rows; id = 1 would stay)" in values(finding)[0]
    assert "constraint same" in finding.explanation


@pytest.mark.parametrize("expression", [Lower("a"), Upper("a")])
def test_letters_beyond_ascii_are_the_locales(expression: object) -> None:
    script = SCRIPT + "INSERT INTO t (id, a) VALUES (1, 'É'), (2, 'é'), (3, 'ß'), (4, 'SS');"
    finding = check_finds("duplicate-key", script, target(expression))
    assert (finding.count, keys(finding), finding.level) == (1, ["2"], Level.WARNING)
    assert "most locales find them equal" in finding.explanation


def test_where_some_are_certain_only_those_are_counted() -> None:
    script = SCRIPT + "INSERT INTO t (id, a) VALUES (1, 'É'), (2, 'é'), (3, 'a'), (4, 'A');"
    finding = check_finds("duplicate-key", script, target(Lower("a")))
    assert (finding.count, keys(finding), finding.level) == (1, ["4"], Level.ERROR)
    assert "may repeat as well" in finding.explanation


def test_all_parts_count() -> None:
    script = (
        SCRIPT
        + "INSERT INTO t (id, a, n) VALUES (1, 'x', 1), (2, 'X', 2), (3, 'X', 1), (4, 'X', NULL), (5, 'x', NULL);"
    )
    finding = check_finds("duplicate-key", script, target(Lower("a"), "n"))
    assert (finding.column, keys(finding)) == ("a, n", ["3"])
    finding = check_finds("duplicate-key", script, target(Lower("a"), Coalesce("n", 0)))
    assert keys(finding) == ["3", "5"]


@pytest.mark.skipif(not hasattr(models, "GeneratedField"), reason="nulls_distinct came with Django 5.0")
def test_nulls_that_are_one_value_repeat() -> None:
    script = SCRIPT + "INSERT INTO t (id, a, n) VALUES (1, 'x', 1), (2, 'X', 2), (3, 'X', NULL), (4, 'x', NULL);"
    assert keys(check_finds("duplicate-key", script, target(Lower("a"), "n", nulls_distinct=False))) == ["4"]


def test_a_condition_leaves_rows_out() -> None:
    script = SCRIPT + "INSERT INTO t (id, a, n, ok) VALUES (1, 'x', 7, 1), (2, 'X', 7, 0), (3, 'X', 1, 1);"
    assert keys(check_finds("duplicate-key", script, target(Lower("a"), condition=Q(ok=True)))) == ["3"]
    assert keys(check_finds("duplicate-key", script, target(Lower("a"), condition=Q(n__gt=5)))) == ["2"]


def test_values_of_another_fault_take_no_part() -> None:
    rows = "(1, CAST(x'e9' AS TEXT)), (2, CAST(x'e9' AS TEXT)), (3, x'41'), (4, x'41')"
    found = findings(SCRIPT + f"INSERT INTO t (id, a) VALUES {rows};", target(Lower("a")))
    assert {f.rule for f in found} == {"invalid-utf8", "wrong-storage-class"}


@pytest.mark.parametrize("expression", [Length("a"), Mod("n", 2), F("n") % 2, Lower("n")])
def test_what_postgresql_may_judge_otherwise_is_a_warning_without_a_server(expression: object) -> None:
    script = SCRIPT + "INSERT INTO t (id, a, n) VALUES (1, 'x', 1), (2, 'x', 1);"
    finding = check_finds("duplicate-key", script, target(expression), offline=True)
    assert (finding.level, keys(finding), finding.quarantinable) == (Level.WARNING, ["2"], False)
    assert "a move tries each row on it" in finding.explanation
    check_healthy(script, target(expression))


def test_what_no_model_has_is_postgresqls() -> None:
    unique = TargetUnique(name="same", columns=(), expressions=("lower(a)",))
    script = SCRIPT + "INSERT INTO t (id, a) VALUES (1, 'x'), (2, 'x');"
    columns = ("id bigint", "a text NULL", "b character varying(20) NULL", "n integer NULL", "ok boolean NULL")
    check_healthy(script, table("t", *columns, unique=[unique]))
