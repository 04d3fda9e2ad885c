"""NUL in text."""

from __future__ import annotations

import pytest

from tests.unit.rules.examined import check_finds, check_healthy, findings, keys, table, values, with_value


@pytest.mark.parametrize(
    ("type_sql", "value", "shown", "said"),
    [
        ("text", "'a' || char(0) || 'b'", "text 'a\\x00b'", "NUL"),
        ("character varying(9)", "char(0)", "text '\\x00'", "NUL"),
    ],
)
def test_it_is_found_and_explained(type_sql: str, value: str, shown: str, said: str) -> None:
    finding = check_finds("nul-in-text", with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
    assert (finding.table, finding.column, finding.count) == ("t", "v", 1)
    assert keys(finding) == ["4"]
    assert values(finding) == [shown]
    assert said in finding.explanation
    assert finding.blocks


@pytest.mark.parametrize(
    ("type_sql", "value"),
    [
        ("text", "'é'"),
        ("text", "''"),
        ("text", "'\\\\u0000'"),
        ("bytea", "x'00'"),
    ],
)
def test_what_the_type_holds_is_healthy(type_sql: str, value: str) -> None:
    check_healthy(with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))


def test_other_faults_of_the_same_column_are_told_apart() -> None:
    several = """
        CREATE TABLE t (id integer PRIMARY KEY, v);
        INSERT INTO t VALUES (1, 'a' || char(0)), (2, CAST(x'ff' AS TEXT)), (3, CAST(x'ff00' AS TEXT)), (4, 'fine');
    """
    found = findings(several, table("t", "id bigint", "v text"))
    assert [(f.rule, f.count, keys(f)) for f in found] == [("invalid-utf8", 2, ["2", "3"]), ("nul-in-text", 1, ["1"])]
