"""Rows that a CHECK constraint refuses, and expressions that are left to PostgreSQL."""

from __future__ import annotations

import dataclasses

import pytest

from migrate_to_pg.records import TargetCheck, TargetTable
from tests.unit.rules.examined import check_finds, check_healthy, keys, table, values

_DIGITS = "^[0-9]{4}-[0-9]{4}$"
#: Two years in a row, as PostgreSQL prints it and as Django writes it.
YEARS = (
    f"CASE WHEN ((kind)::text ~ '{_DIGITS}'::text) THEN ((\"substring\"((kind)::text, 6, 4))::integer ="
    ' (("substring"((kind)::text, 1, 4))::integer + 1)) ELSE false END'
)
YEARS_WRITTEN = (
    f'CASE WHEN ("kind"::text ~ \'{_DIGITS}\') THEN (SUBSTRING("kind", 6, 4))::integer ='
    ' ((SUBSTRING("kind", 1, 4))::integer + 1) ELSE false END'
)
COLUMNS = (
    "id bigint",
    "n bigint NULL",
    "m integer NULL",
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
    CREATE TABLE t (id integer PRIMARY KEY, n integer, m integer, f real, p decimal, kind varchar(9), b bool,
    starts date, ends date, at datetime, "odd ""name" integer, j text);
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
        (YEARS, "kind", "'1999-2000'", "'1999-2001'"),
        (YEARS_WRITTEN, "kind", "'0000-0001'", "'1999/2000'"),
        ("(n > (m + 1))", "n, m", "3, 1", "3, 2"),
        ("((n - m) <= ('-1'::integer))", "n, m", "1, 2", "2, 2"),
        ("(n BETWEEN m AND m + 2)", "n, m", "3, 1", "4, 1"),
        ("((kind)::text ~ '^[A-Za-z]{2}_[0-9]$'::text)", "kind", "'aB_7'", "'éa_7'"),
        ("((kind)::text ~ '^a-[0-9]$'::text)", "kind", "'a-1'", "'a--1'"),
        ("(((kind)::text)::integer < 5)", "kind", "'0004'", "'5'"),
        ("((\"substring\"((kind)::text, 3))::smallint > 1)", "kind", "'é-2'", "'é-1'"),
        ("(\"substring\"((kind)::text, 2, 1) = 'b'::text)", "kind", "'😀b'", "'bé'"),
        *[(f"CASE WHEN b THEN (n > 0) WHEN (n = 5) THEN false {end}", "b, n", "0, 4", "0, 5") for end in (
            "ELSE NULL::boolean END", "ELSE NULL END", "END")],
        ("(n > NULL)", "n", "0", ""),
        # What PostgreSQL cannot cast it refuses by itself, whatever the constraint says.
        ("(((kind)::text)::integer < 5)", "kind", "'x'", "'9'"),
        ("((n)::double precision >= f)", "n, f", "9007199254740993, 9007199254740992.0", "1, 2.0"),
        *[(f"((kind)::text ~ '{pattern}'::text)", "kind", "'x y'", "") for pattern in (
            "[0-9]", "^a", "a$", "^a+$", "^a*$", "^a|b$", "^a.b$", "^(a)$", "^[^a]$", "^[^a-z]$", "^[a-f]$",
            "^[[:digit:]]$", "^\\d$", "^[0-9]{2,3}$", "^[0-9]{2}?$", "^é$", "^a{0}$", "^a{$")],
        ("((kind)::text !~ '^a$'::text)", "kind", "'a'", ""),
        ("((kind)::text ~* '^a$'::text)", "kind", "'b'", ""),
        ("((kind)::text ~~ 'a%'::text)", "kind", "'b'", ""),
        ("((kind)::character varying(3) = 'abc'::text)", "kind", "'abcd'", ""),
        ("((f)::integer = 1)", "f", "0.9", ""),
        ("((p + 0.1) > 0.2)", "p", "0.1", ""),
        ("((p + (1)::numeric) > (9)::numeric)", "p", "0.1", ""),
        ("(n = (1.5)::integer)", "n", "1", ""),
        ("(\"substring\"((kind)::text, 0, 2) = 'b'::text)", "kind", "'a'", ""),
        ("(\"substring\"((kind)::text, n) = 'b'::text)", "kind", "'a'", ""),
        ("(\"substring\"((kind)::text, '1'::text) = 'b'::text)", "kind", "'a'", ""),
        ("(CASE n WHEN 1 THEN true ELSE false END)", "n", "2", ""),
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
    is_null_refused = "," in column or "IS NOT" in expression or "ELSE false" in expression
    check_healthy(script(column, good, *([] if is_null_refused else ["NULL"])), target(expression))
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
