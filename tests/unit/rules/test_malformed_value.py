"""Values that types without a rule of their own cannot hold."""

from __future__ import annotations

import pytest

from tests.unit.rules.examined import check_finds, check_healthy, findings, keys, table, values, with_value


@pytest.mark.parametrize(
    ("type_sql", "value", "shown", "said"),
    [
        ("real", "0.123456789", "real 0.123456789", "rounded"),
        ("name", f"'{'x' * 64}'", f"text '{'x' * 64}'", "at most 63 bytes"),
        ("money", "'1.005'", "text '1.005'", "no more digits"),
    ],
)
def test_it_is_found_and_explained(type_sql: str, value: str, shown: str, said: str) -> None:
    finding = check_finds("malformed-value", with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
    assert (finding.table, finding.column, finding.count) == ("t", "v", 1)
    assert keys(finding) == ["4"]
    assert values(finding) == [shown]
    assert said in finding.explanation
    assert finding.blocks


@pytest.mark.parametrize(
    ("type_sql", "value"),
    [
        ("real", "0.5"),
        ("real", "-2"),
    ],
)
def test_what_the_type_holds_is_healthy(type_sql: str, value: str) -> None:
    check_healthy(with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))


def test_a_malformed_key_can_still_be_shown() -> None:
    target = table("t", "code text", "v integer", key="code")
    script = "CREATE TABLE t (code text PRIMARY KEY, v); INSERT INTO t VALUES (CAST(x'41ff0a' AS TEXT), 3000000000);"
    assert [(f.column, keys(f)) for f in findings(script, target)] == [("code", ["A\\xff\\n"]), ("v", ["A\\xff\\n"])]


def test_a_value_of_many_megabytes_is_cut() -> None:
    target = table("t", "id bigint", "v jsonb")
    script = "CREATE TABLE t (id integer PRIMARY KEY, v); INSERT INTO t VALUES (1, hex(zeroblob(4000000)) || 'x');"
    (value,) = values(check_finds("invalid-json", script, target))
    assert value.startswith("text '0000")
    assert len(value) == 80
