"""Text that is no UTF-8."""

from __future__ import annotations

import pytest

from tests.unit.rules.examined import check_finds, check_healthy, keys, table, values, with_value


@pytest.mark.parametrize(
    ("type_sql", "value", "shown", "said"),
    [
        ("character varying(9)", "CAST(x'41ff42' AS TEXT)", "text 'A\\xffB'", "bytes of another encoding"),
        ("text", "CAST(x'eda080' AS TEXT)", "text '\\xed\\xa0\\x80'", "half a surrogate pair"),
        ("jsonb", "CAST(x'22ff22' AS TEXT)", "text '\"\\xff\"'", "bytes of another encoding"),
        ("text", "CAST(x'c080' AS TEXT)", "text '\\xc0\\x80'", "bytes of another"),
    ],
)
def test_it_is_found_and_explained(type_sql: str, value: str, shown: str, said: str) -> None:
    finding = check_finds("invalid-utf8", with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
    assert (finding.table, finding.column, finding.count) == ("t", "v", 1)
    assert keys(finding) == ["4"]
    assert values(finding) == [shown]
    assert said in finding.explanation
    assert finding.blocks


@pytest.mark.parametrize(
    ("type_sql", "value"),
    [
        ("text", "char(128512)"),
        ("jsonb", "'\"é\"'"),
    ],
)
def test_what_the_type_holds_is_healthy(type_sql: str, value: str) -> None:
    check_healthy(with_value(value), table("t", "id bigint", f"v {type_sql} NULL"))
