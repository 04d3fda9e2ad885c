"""Rows that a CHECK constraint refuses, and expressions that are left to PostgreSQL."""

from __future__ import annotations

import dataclasses

import pytest

from migrate_to_pg.records import TargetCheck, TargetTable
from tests.unit.rules.examined import check_finds, check_healthy, keys, table, values

COLUMNS = (
    "id bigint",
    "n integer NULL",
    "f double precision NULL",
    "p numeric(6, 2) NULL",
    "kind character varying(9) NULL",
    "b boolean NULL",
    "starts date NULL",
    "ends date NULL",
    "at timestamp with time zone NULL",
    'odd "name integer NULL',
    "j jsonb NULL",
)
SOURCE = """
    CREATE TABLE t (id integer PRIMARY KEY, n integer, f real, p decimal, kind varchar(9), b bool, starts date,
    ends date, at datetime, "odd ""name" integer, j text);
"""


def target(expression: str) -> TargetTable:
    return dataclasses.replace(table("t", *COLUMNS), checks=(TargetCheck(name="t_check", expression=expression),))


def script(column: str, *literals: str) -> str:
    rows = ", ".join(f"({key}, {value})" for key, value in enumerate(literals, 1))
    return SOURCE + f"INSERT INTO t (id, {column}) VALUES {rows};"


@pytest.mark.parametrize(
    ("expression", "column", "good", "bad"),
    [
        ("(n >= 0)", "n", "0", "-1"),
        ('"n" >= 0', "n", "0", "-1"),
        ("((n >= 0) AND (n <= 100))", "n", "100", "101"),
        ("(n <> ALL (ARRAY[5, 6]))", "n", "4", "6"),
        ("(n = ANY (ARRAY[5, 6]))", "n", "5", "7"),
        ('"n" BETWEEN 1 AND 5', "n", "5", "6"),
        ("NOT (n < 0)", "n", "0", "-1"),
        ("(n > '-5'::integer)", "n", "-4", "-5"),
        ("((f > (0)::double precision) OR (f < ('-10'::integer)::double precision))", "f", "0.5", "0"),
        ("(p >= 0.05)", "p", "0.05", "0.04"),
        ("((kind)::text = ANY ((ARRAY['a'::character varying, 'b''c'::character varying])::text[]))", "kind",
         "'b''c'", "'c'"),
        ("\"kind\" IN ('a', 'b')", "kind", "'a'", "'A'"),
        ("((kind)::text <> ''::text)", "kind", "' '", "''"),
        ("b", "b", "1", "0"),
        ("(NOT b)", "b", "0", "1"),
        ("(b = true)", "b", "1", "0"),
        ("(n IS NOT NULL)", "n", "0", "NULL"),
        ("(ends >= starts)", "starts, ends", "'2024-01-01', '2024-01-01'", "'2024-01-02', '2024-01-01'"),
        ("(starts >= '2024-01-01'::date)", "starts", "'2024-01-01'", "'2023-12-31'"),
        ("\"starts\" >= '2024-01-01'", "starts", "'2024-01-01'", "'2023-12-31'"),
        ("(at < '2030-01-01 00:00:00+00'::timestamp with time zone)", "at", "'2029-12-31T23:00:00-00:30'",
         "'2029-12-31T23:00:00-05:00'"),
        ("(\"odd \"\"name\" > 0)", '"odd ""name"', "1", "0"),
        ("((n IS NULL) OR ((n % 2) = 0))", "n", "1", ""),
        ("(length((kind)::text) > 3)", "kind", "'a'", ""),
        ("(kind > 'a'::text)", "kind", "'A'", ""),
        ("((j -> 'a'::text) IS NOT NULL)", "j", "'{}'", ""),
        ("(gone > 0)", "n", "1", ""),
        ("(n > 0.12345678901234567)", "n", "0", ""),
    ],
)  # fmt: skip
def test_the_rows_it_refuses_are_found(expression: str, column: str, good: str, bad: str) -> None:
    """Where ``bad`` is empty the expression is not understood, and nothing is said."""
    check_healthy(script(column, good, *(["NULL"] if "," not in column and "IS NOT" not in expression else [])),
                  target(expression))  # fmt: skip
    if bad:
        finding = check_finds("check-constraint", script(column, good, bad), target(expression))
        assert (finding.count, keys(finding), finding.blocks) == (1, ["2"], True)
        assert f"CHECK ({expression})" in finding.explanation


def test_values_that_other_rules_report_take_no_part() -> None:
    check_finds("wrong-storage-class", script("n", "1", "'x'"), target("(n < 5)"))
    check_finds("malformed-date", script("starts", "'2024-01-01'", "''"), target("(starts > '2000-01-01'::date)"))


def test_the_values_are_shown_and_the_query_works() -> None:
    finding = check_finds("check-constraint", script("n", "1", "-7"), target("(n >= 0)"))
    assert values(finding) == ["-7"]
    assert 'SELECT * FROM "t" WHERE NOT ("n" >= 0);' in finding.remedy
