"""Values of the right storage class that the type cannot hold."""

from __future__ import annotations

import pytest

from tests.unit.rules.examined import check_finds, check_healthy, findings, keys, table, values


@pytest.mark.parametrize(
    ("type_sql", "value", "shown", "form"),
    [
        ("smallint", "32768", "integer 32768", "-32768 to 32767"),
        ("integer", "-2147483649", "integer -2147483649", "-2147483648 to 2147483647"),
        ("boolean", "2", "integer 2", "0 (false) and 1 (true)"),
        ("numeric(6, 2)", "10000.0", "real 10000.0", "at most 4 digits before the decimal point and 2 after it"),
        ("numeric(6, 2)", "9e999", "real inf", "at most 4 digits"),
        ("date", "'2024-02-30'", "text '2024-02-30'", "YYYY-MM-DD"),
        ("date", "''", "text ''", "YYYY-MM-DD"),
        ("date", "'0000-00-00'", "text '0000-00-00'", "years 1 to 9999"),
        ("time", "'25:00'", "text '25:00'", "HH:MM:SS"),
        ("timestamp", "'yesterday'", "text 'yesterday'", "YYYY-MM-DD HH:MM:SS"),
        ("timestamp with time zone", "'2024-13-01 00:00:00'", "text '2024-13-01 00:00:00'", "in UTC"),
        ("uuid", "'not-a-uuid'", "text 'not-a-uuid'", "32 hexadecimal digits"),
        ("jsonb", "'{''a'': 1}'", "text '{'a': 1}'", "RFC 8259"),
        ("jsonb", "CAST(x'22ff22' AS TEXT)", "text '\"\\xff\"'", "RFC 8259"),
        ("json", "'[NaN]'", "text '[NaN]'", "RFC 8259"),
        ("text", "'a' || char(0) || 'b'", "text 'a\\x00b'", "NUL"),
        ("character varying(9)", "CAST(x'41ff42' AS TEXT)", "text 'A\\xffB'", "UTF-8"),
        ("text", "CAST(x'eda080' AS TEXT)", "text '\\xed\\xa0\\x80'", "UTF-8"),
        ("real", "0.1", "real 0.1", "rounded"),
    ],
)
def test_the_form_is_told_and_the_value_is_shown(type_sql: str, value: str, shown: str, form: str) -> None:
    target = table("t", "id bigint", f"v {type_sql}")
    script = f"CREATE TABLE t (id integer PRIMARY KEY, v); INSERT INTO t VALUES (4, {value});"
    finding = check_finds("malformed-value", script, target)
    assert (finding.table, finding.column, finding.count) == ("t", "v", 1)
    assert keys(finding) == ["4"]
    assert values(finding) == [shown]
    assert form in finding.explanation
    assert finding.blocks


@pytest.mark.parametrize(
    ("type_sql", "value"),
    [
        ("smallint", "-32768"),
        ("integer", "2147483647"),
        ("bigint", "9223372036854775807"),
        ("numeric(6, 2)", "9999.99"),
        ("date", "'0001-01-01'"),
        ("time", "'23:59:59.999999'"),
        ("timestamp", "'9999-12-31 23:59:59.999999'"),
        ("timestamp with time zone", "'2024-01-01T00:00:00Z'"),
        ("uuid", "'5c0d5a8f-b7b3-4f7c-9a3f-3ac7f9e0a4d1'"),
        ("jsonb", "'null'"),
        ("text", "'é'"),
        ("real", "0.5"),
    ],
)
def test_what_the_type_holds_is_healthy(type_sql: str, value: str) -> None:
    script = f"CREATE TABLE t (id integer PRIMARY KEY, v); INSERT INTO t VALUES (1, {value}), (2, NULL);"
    check_healthy(script, table("t", "id bigint", f"v {type_sql} NULL"))


def test_a_local_time_that_never_was_or_was_twice_is_malformed() -> None:
    target = table("t", "id bigint", "v timestamp with time zone")
    script = """
        CREATE TABLE t (id integer PRIMARY KEY, v);
        INSERT INTO t VALUES (1, '2024-03-31 02:30:00'), (2, '2024-10-27 02:30:00'), (3, '2024-10-27 04:30:00');
    """
    finding = check_finds("malformed-value", script, target, time_zone="Europe/Paris")
    assert keys(finding) == ["1", "2"]
    assert "Europe/Paris" in finding.explanation
    check_healthy(script, target, time_zone="UTC")


def test_a_malformed_key_can_still_be_shown() -> None:
    target = table("t", "code text", "v integer", key="code")
    script = "CREATE TABLE t (code text PRIMARY KEY, v); INSERT INTO t VALUES (CAST(x'41ff0a' AS TEXT), 3000000000);"
    assert [(f.column, keys(f)) for f in findings(script, target)] == [("code", ["A\\xff\\n"]), ("v", ["A\\xff\\n"])]


def test_a_value_of_many_megabytes_is_cut() -> None:
    target = table("t", "id bigint", "v jsonb")
    script = "CREATE TABLE t (id integer PRIMARY KEY, v); INSERT INTO t VALUES (1, hex(zeroblob(4000000)) || 'x');"
    (value,) = values(check_finds("malformed-value", script, target))
    assert value.startswith("text '0000")
    assert len(value) == 80
