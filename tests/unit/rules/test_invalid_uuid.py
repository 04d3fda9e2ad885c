"""Text in a uuid column that is no uuid."""

from __future__ import annotations

import pytest

from tests.unit.rules.examined import check_finds, check_healthy, keys, table, values, with_value


@pytest.mark.parametrize(
    ("type_sql", "value", "shown", "said"),
    [
        ("uuid", "'not-a-uuid'", "text 'not-a-uuid'", "32 hexadecimal digits"),
        ("uuid", "''", "text ''", "the empty text"),
        ("uuid", "'5c0d5a8fb7b34f7c9a3f3ac7f9e0a4dg'", "text '5c0d5a8fb7b34f7c9a3f3ac7f9e0a4dg'", "32 hexadecimal"),
        ("uuid", "'5c0d5a8fb7b34f7c9a3f3ac7f9e0a4d'", "text '5c0d5a8fb7b34f7c9a3f3ac7f9e0a4d'", "32 hexadecimal"),
    ],
)
def test_it_is_found_and_explained(type_sql: str, value: str, shown: str, said: str) -> None:
    finding = check_finds("invalid-uuid", with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
    assert (finding.table, finding.column, finding.count) == ("t", "v", 1)
    assert keys(finding) == ["4"]
    assert values(finding) == [shown]
    assert said in finding.explanation
    assert finding.blocks


@pytest.mark.parametrize(
    ("type_sql", "value"),
    [
        ("uuid", "'5c0d5a8f-b7b3-4f7c-9a3f-3ac7f9e0a4d1'"),
        ("uuid", "'5C0D5A8FB7B34F7C9A3F3AC7F9E0A4D1'"),
    ],
)
def test_what_the_type_holds_is_healthy(type_sql: str, value: str) -> None:
    check_healthy(with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
