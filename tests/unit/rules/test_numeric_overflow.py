"""Numbers with more digits than numeric(p, s) holds."""

from __future__ import annotations

import pytest

from tests.unit.rules.examined import check_finds, findings, keys, table, values, with_value


@pytest.mark.parametrize(
    ("type_sql", "value", "shown", "said"),
    [
        ("numeric(6, 2)", "10000.0", "real 10000.0", "at most 4 digits before the decimal point and 2 after it"),
        ("numeric(6, 2)", "-99999", "integer -99999", "at most 4 digits"),
        ("numeric(6, 2)", "9999.999", "real 9999.999", "at most 4 digits"),
        ("numeric(6, 2)", "9e999", "real inf", "infinite (1)"),
    ],
)
def test_it_is_found_and_explained(type_sql: str, value: str, shown: str, said: str) -> None:
    finding = check_finds("numeric-overflow", with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
    assert (finding.table, finding.column, finding.count) == ("t", "v", 1)
    assert keys(finding) == ["4"]
    assert values(finding) == [shown]
    assert said in finding.explanation
    assert finding.blocks


@pytest.mark.parametrize(
    ("type_sql", "value"),
    [
        ("numeric(6, 2)", "9999.99"),
        ("numeric(6, 2)", "-9999.99"),
        ("numeric(20, 0)", "9007199254740993"),
        ("numeric(6, 2)", "0.30000000000000004"),
    ],
)
def test_what_the_type_holds_is_healthy(type_sql: str, value: str) -> None:
    found = findings(with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
    # Django before 6.1 reads another number, which is told; an overflow it is not.
    assert {f.rule for f in found} <= ({"numeric-rounded"} if value == "9007199254740993" else set())
