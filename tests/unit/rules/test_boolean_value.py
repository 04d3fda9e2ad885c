"""Booleans that are neither 0 nor 1."""

from __future__ import annotations

import pytest

from tests.unit.rules.examined import check_finds, check_healthy, keys, table, values


def script(value: str) -> str:
    return f"CREATE TABLE t (id integer PRIMARY KEY, v); INSERT INTO t VALUES (4, {value}), (5, NULL);"


@pytest.mark.parametrize(
    ("type_sql", "value", "shown", "said"),
    [
        ("boolean", "2", "integer 2", "0 (false) and 1 (true)"),
        ("boolean", "-1", "integer -1", "0 (false)"),
        ("boolean", "'true'", "text 'true'", "1 is a word that other programs read as true or false"),
        ("boolean", "'t'", "text 't'", "a word"),
        ("boolean", "''", "text ''", "1 is the empty text"),
        ("boolean", "0.5", "real 0.5", "0 (false)"),
        ("boolean", "x'01'", "blob x'01'", "1 (true)"),
    ],
)
def test_it_is_found_and_explained(type_sql: str, value: str, shown: str, said: str) -> None:
    finding = check_finds("boolean-value", script(value), table("t", "id bigint", f"v {type_sql} NULL"))
    assert (finding.table, finding.column, finding.count) == ("t", "v", 1)
    assert keys(finding) == ["4"]
    assert values(finding) == [shown]
    assert said in finding.explanation
    assert finding.blocks


@pytest.mark.parametrize(
    ("type_sql", "value"),
    [
        ("boolean", "0"),
        ("boolean", "1"),
        ("boolean", "NULL"),
    ],
)
def test_what_the_type_holds_is_healthy(type_sql: str, value: str) -> None:
    check_healthy(script(value), table("t", "id bigint", f"v {type_sql} NULL"))


def test_numbers_and_texts_in_one_column_are_one_finding() -> None:
    several = "CREATE TABLE t (id integer PRIMARY KEY, v); INSERT INTO t VALUES (1, 2), (2, 't'), (3, 1), (4, '');"
    finding = check_finds("boolean-value", several, table("t", "id bigint", "v boolean"))
    assert (finding.count, keys(finding)) == (3, ["1", "2", "4"])
