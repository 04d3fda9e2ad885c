"""Text in a time column that is no time of day."""

from __future__ import annotations

import pytest

from tests.unit.rules.examined import check_finds, check_healthy, keys, table, values, with_value


@pytest.mark.parametrize(
    ("type_sql", "value", "shown", "said"),
    [
        ("time", "'25:00'", "text '25:00'", "HH:MM:SS"),
        ("time", "''", "text ''", "the empty text"),
        ("time", "'2024-01-01 10:00:00'", "text '2024-01-01 10:00:00'", "a date and a time"),
        ("time", "'10:00:00+02:00'", "text '10:00:00+02:00'", "a time with an offset"),
    ],
)
def test_it_is_found_and_explained(type_sql: str, value: str, shown: str, said: str) -> None:
    finding = check_finds("malformed-time", with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
    assert (finding.table, finding.column, finding.count) == ("t", "v", 1)
    assert keys(finding) == ["4"]
    assert values(finding) == [shown]
    assert said in finding.explanation
    assert finding.blocks


@pytest.mark.parametrize(
    ("type_sql", "value"),
    [
        ("time", "'23:59:59.999999'"),
        ("time", "'00:00'"),
    ],
)
def test_what_the_type_holds_is_healthy(type_sql: str, value: str) -> None:
    check_healthy(with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
