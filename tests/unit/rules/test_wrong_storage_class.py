"""Values of a storage class that cannot carry the column's type."""

from __future__ import annotations

import pytest

from tests.unit.rules.examined import check_finds, check_healthy, keys, table, values


@pytest.mark.parametrize(
    ("type_sql", "value", "shown"),
    [
        ("integer", "'12abc'", "text '12abc'"),
        ("integer", "1.5", "real 1.5"),
        ("integer", "x'00ff'", "blob x'00ff'"),
        ("character varying(20)", "12", "integer 12"),
        ("text", "x'41'", "blob x'41'"),
        ("numeric(6, 2)", "'1,5'", "text '1,5'"),
        ("double precision", "''", "text ''"),
        ("date", "1704067200", "integer 1704067200"),
        ("timestamp with time zone", "1704067200.5", "real 1704067200.5"),
        ("bytea", "'text'", "text 'text'"),
        ("uuid", "5", "integer 5"),
        ("jsonb", "5", "integer 5"),
        ("interval", "'1 day'", "text '1 day'"),
    ],
)
def test_the_class_is_shown_with_the_value(type_sql: str, value: str, shown: str) -> None:
    target = table("t", "id bigint", f"v {type_sql}")
    finding = check_finds(
        "wrong-storage-class", f"CREATE TABLE t (id integer PRIMARY KEY, v); INSERT INTO t VALUES (4, {value});", target
    )
    assert (finding.table, finding.column, finding.count) == ("t", "v", 1)
    assert keys(finding) == ["4"]
    assert values(finding) == [shown]
    assert f"1 {shown.split()[0]}" in finding.explanation


@pytest.mark.parametrize(
    ("type_sql", "value"),
    [("double precision", "1"), ("numeric(6, 2)", "1"), ("numeric(6, 2)", "1.5"), ("boolean", "1"), ("bytea", "x'00'")],
)
def test_the_right_classes_are_healthy(type_sql: str, value: str) -> None:
    script = f"CREATE TABLE t (id integer PRIMARY KEY, v); INSERT INTO t VALUES (1, {value}), (2, NULL);"
    check_healthy(script, table("t", "id bigint", f"v {type_sql} NULL"))


def test_several_classes_are_counted_apart() -> None:
    target = table("t", "id bigint", "v bigint NULL")
    rows = "(1, 'a'), (2, 1.5), (3, 'b'), (4, 1), (5, NULL)"
    script = f"CREATE TABLE t (id integer PRIMARY KEY, v); INSERT INTO t VALUES {rows};"
    finding = check_finds("wrong-storage-class", script, target)
    assert "Found here: 2 text, 1 real." in finding.explanation
    assert finding.count == 3


@pytest.mark.parametrize(
    ("type_sql", "value", "said"),
    [
        ("timestamp with time zone", "1704067200", "like a Unix time in seconds (1)"),
        ("date", "1704067200000", "like a Unix time in milliseconds (1)"),
        ("timestamp with time zone", "2460310.5", "like a Julian day (1)"),
        ("bigint", "3.0", "whole, but stored as REAL (1)"),
        ("bigint", "1e19", "beyond 64 bits (1)"),
        ("interval", "'P1DT2H'", "a duration written as text, where Django keeps microseconds (1)"),
    ],
)
def test_what_the_values_look_like_is_said(type_sql: str, value: str, said: str) -> None:
    script = f"CREATE TABLE t (id integer PRIMARY KEY, v); INSERT INTO t VALUES (1, {value});"
    assert said in check_finds("wrong-storage-class", script, table("t", "id bigint", f"v {type_sql}")).explanation
