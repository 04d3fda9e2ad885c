"""Text in a datetime column that is no date and time."""

from __future__ import annotations

import pytest

from tests.unit.rules.examined import check_finds, check_healthy, keys, table, values, with_value


@pytest.mark.parametrize(
    ("type_sql", "value", "shown", "said"),
    [
        ("timestamp", "'yesterday'", "text 'yesterday'", "YYYY-MM-DD HH:MM:SS"),
        ("timestamp with time zone", "'2024-13-01 00:00:00'", "text '2024-13-01 00:00:00'", "an offset or without"),
        ("timestamp with time zone", "''", "text ''", "the empty text"),
        ("timestamp with time zone", "'0000-00-00 00:00:00'", "text '0000-00-00 00:00:00'", "a zero date"),
        ("timestamp with time zone", "'1700000000'", "text '1700000000'", "a number written as text"),
    ],
)
def test_it_is_found_and_explained(type_sql: str, value: str, shown: str, said: str) -> None:
    finding = check_finds("malformed-timestamp", with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
    assert (finding.table, finding.column, finding.count) == ("t", "v", 1)
    assert keys(finding) == ["4"]
    assert values(finding) == [shown]
    assert said in finding.explanation
    assert finding.blocks


@pytest.mark.parametrize(
    ("type_sql", "value"),
    [
        ("timestamp", "'9999-12-31 23:59:59.999999'"),
        ("timestamp with time zone", "'2024-01-01T00:00:00Z'"),
        ("timestamp with time zone", "'2024-01-01'"),
        ("timestamp", "'2024-1-5 8:00'"),
        ("timestamp with time zone", "'2024-1-5 8:00 +02:00'"),
        ("timestamp with time zone", "'2024-01-01 10:00:00+05:30'"),
    ],
)
def test_what_the_type_holds_is_healthy(type_sql: str, value: str) -> None:
    check_healthy(with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
