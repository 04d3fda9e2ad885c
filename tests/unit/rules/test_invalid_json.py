"""Text in a JSON column that is no JSON."""

from __future__ import annotations

import pytest

from tests.unit.rules.examined import check_finds, check_healthy, keys, table, values, with_value


@pytest.mark.parametrize(
    ("type_sql", "value", "shown", "said"),
    [
        ("jsonb", "'{''a'': 1}'", "text '{'a': 1}'", "single quotes"),
        ("json", "'[NaN]'", "text '[NaN]'", "NaN or Infinity"),
        ("jsonb", "'[-Infinity]'", "text '[-Infinity]'", "NaN or Infinity"),
        ("jsonb", "''", "text ''", "the empty text"),
        ("jsonb", "'[1,]'", "text '[1,]'", "RFC 8259"),
        ("jsonb", "'[1]' || char(0)", "text '[1]\\x00'", "RFC 8259"),
    ],
)
def test_it_is_found_and_explained(type_sql: str, value: str, shown: str, said: str) -> None:
    finding = check_finds("invalid-json", with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
    assert (finding.table, finding.column, finding.count) == ("t", "v", 1)
    assert keys(finding) == ["4"]
    assert values(finding) == [shown]
    assert said in finding.explanation
    assert finding.blocks


@pytest.mark.parametrize(
    ("type_sql", "value"),
    [
        ("jsonb", "'null'"),
        ("jsonb", "'{\"NaN\": \"''\"}'"),
        ("json", "' [1, 2.50] '"),
    ],
)
def test_what_the_type_holds_is_healthy(type_sql: str, value: str) -> None:
    check_healthy(with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
