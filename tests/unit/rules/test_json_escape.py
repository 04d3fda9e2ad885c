"""JSON that is valid and that jsonb cannot hold."""

from __future__ import annotations

import pytest

from tests.unit.rules.examined import check_finds, check_healthy, keys, table, values, with_value


@pytest.mark.parametrize(
    ("type_sql", "value", "shown", "said"),
    [
        ("jsonb", "'[\"\\u0000\"]'", "text '[\"\\\\u0000\"]'", "the NUL character"),
        ("jsonb", "'{\"a\\u0000\": 1}'", "text '{\"a\\\\u0000\": 1}'", "text with \\u0000, the NUL character (1)"),
        ("jsonb", "'\"\\ud83d\"'", "text '\"\\\\ud83d\"'", "half a surrogate pair"),
        ("jsonb", "'[[\"\\uDE00\\uD83D\"]]'", "text '[[\"\\\\uDE00\\\\uD83D\"]]'", "half a surrogate pair"),
        ("jsonb", "'[1e200000]'", "text '[1e200000]'", "a number beyond 1.8e308"),
        ("jsonb", "'{\"a\": -1.5E+400}'", "text '{\"a\": -1.5E+400}'", "a number beyond 1.8e308"),
    ],
)
def test_it_is_found_and_explained(type_sql: str, value: str, shown: str, said: str) -> None:
    finding = check_finds("json-escape", with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
    assert (finding.table, finding.column, finding.count) == ("t", "v", 1)
    assert keys(finding) == ["4"]
    assert values(finding) == [shown]
    assert said in finding.explanation
    assert finding.blocks


@pytest.mark.parametrize(
    ("type_sql", "value"),
    [
        ("jsonb", "'[\"\\\\u0000\"]'"),
        ("jsonb", "'\"\\ud83d\\ude00\"'"),
        ("json", "'\"\\u0000\"'"),
        ("jsonb", "'[1e-100000, 1.5e-400]'"),
        ("json", "'1e400'"),
        ("jsonb", "'\"1e999999\"'"),
    ],
)
def test_what_the_type_holds_is_healthy(type_sql: str, value: str) -> None:
    check_healthy(with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
