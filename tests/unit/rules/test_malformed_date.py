"""Text in a date column that is no date."""

from __future__ import annotations

import pytest

from tests.unit.rules.examined import check_finds, check_healthy, keys, table, values, with_value


@pytest.mark.parametrize(
    ("type_sql", "value", "shown", "said"),
    [
        ("date", "'2024-02-30'", "text '2024-02-30'", "YYYY-MM-DD"),
        ("date", "''", "text ''", "the empty text, where NULL was meant (1)"),
        ("date", "'0000-00-00'", "text '0000-00-00'", "a zero date"),
        ("date", "'2024-01-31 10:00:00'", "text '2024-01-31 10:00:00'", "a date and a time"),
    ],
)
def test_it_is_found_and_explained(type_sql: str, value: str, shown: str, said: str) -> None:
    finding = check_finds("malformed-date", with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
    assert (finding.table, finding.column, finding.count) == ("t", "v", 1)
    assert keys(finding) == ["4"]
    assert values(finding) == [shown]
    assert said in finding.explanation
    assert finding.blocks


@pytest.mark.parametrize(
    ("type_sql", "value"),
    [
        ("date", "'0001-01-01'"),
        ("date", "'9999-12-31'"),
        ("date", "'2024-02-29'"),
        ("date", "'2024-2-9'"),
    ],
)
def test_what_the_type_holds_is_healthy(type_sql: str, value: str) -> None:
    check_healthy(with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
