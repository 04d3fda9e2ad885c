"""Whole numbers that smallint and integer cannot hold."""

from __future__ import annotations

import pytest

from tests.unit.rules.examined import check_finds, check_healthy, keys, table, values, with_value


@pytest.mark.parametrize(
    ("type_sql", "value", "shown", "said"),
    [
        ("smallint", "32768", "integer 32768", "-32768 to 32767"),
        ("smallint", "-32769", "integer -32769", "-32768 to 32767"),
        ("integer", "-2147483649", "integer -2147483649", "-2147483648 to 2147483647"),
        ("integer", "9223372036854775807", "integer 9223372036854775807", "2147483647"),
    ],
)
def test_it_is_found_and_explained(type_sql: str, value: str, shown: str, said: str) -> None:
    finding = check_finds("integer-out-of-range", with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
    assert (finding.table, finding.column, finding.count) == ("t", "v", 1)
    assert keys(finding) == ["4"]
    assert values(finding) == [shown]
    assert said in finding.explanation
    assert finding.blocks


@pytest.mark.parametrize(
    ("type_sql", "value"),
    [
        ("smallint", "-32768"),
        ("integer", "2147483647"),
        ("bigint", "9223372036854775807"),
    ],
)
def test_what_the_type_holds_is_healthy(type_sql: str, value: str) -> None:
    check_healthy(with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
