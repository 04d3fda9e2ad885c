"""Text in an inet column that is no address."""

from __future__ import annotations

import pytest

from tests.unit.rules.examined import check_finds, check_healthy, keys, table, values

TARGET = table("t", "id bigint", "v inet NULL")


def script(value: str) -> str:
    table_sql = "CREATE TABLE t (id integer PRIMARY KEY, v char(39));"
    return f"{table_sql} INSERT INTO t VALUES (4, {value}), (5, NULL), (6, '::1');"


@pytest.mark.parametrize(
    "value",
    ["'999.1.1.1'", "'abc'", "''", "'010.0.0.1'", "'1.2.3'", "'1.2.3.4 '", "'1.2.3.4/'", "'1.2.3.4/33'", "'::1/129'",
     "'fe80::1%eth0'", "'1.2.3.4/255.0.0.0'", "'1.2.3.4/ 8'", "'::1' || char(0)", "'٣.1.1.1'", "':::'"],
)  # fmt: skip
def test_it_is_found_and_explained(value: str) -> None:
    finding = check_finds("invalid-inet", script(value), TARGET)
    assert (finding.column, finding.count, keys(finding)) == ("v", 1, ["4"])
    assert values(finding)[0].startswith("text '")
    assert "IPv4 and IPv6" in finding.explanation
    assert ("the empty text, where NULL was meant (1)" in finding.explanation) == (value == "''")


@pytest.mark.parametrize(
    "value",
    ["'10.0.0.1'", "'10.0.0.1/8'", "'2001:db8::1'", "'2001:DB8:0:0:0:0:0:1'", "'::ffff:10.0.0.1'", "'::ffff:a00:1'",
     "'::10.0.0.1'", "'::'", "'0.0.0.0/0'", "'fe80::1/64'"],
)  # fmt: skip
def test_what_is_an_address_is_healthy(value: str) -> None:
    check_healthy(script(value), TARGET)
