"""Rows that a CHECK constraint refuses, as SQLite is asked about them, and what PostgreSQL alone judges."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Abs, Cast, Coalesce, ExtractYear, Length, Lower, Mod, Substr, Upper
from django.db.models.lookups import Exact, LessThan

from migrate_to_pg.records import Level, TargetCheck, TargetTable
from tests.projects.fields.own import Network
from tests.unit.rules.examined import check_finds, check_healthy, findings, keys, table, values
from tests.unit.rules.promising import check, table_with

#: As the project's own models write it: two years in a row.
YEARS = Case(
    When(
        kind__regex="^[0-9]{4}-[0-9]{4}$",
        then=Exact(
            Cast(Substr("kind", 6, 4), models.IntegerField()), Cast(Substr("kind", 1, 4), models.IntegerField()) + 1
        ),
    ),
    default=Value(False),
    output_field=models.BooleanField(),
)
#: A number is written as text, where the text is one.
NUMBERED = Case(
    When(kind__regex="^[0-9]{4}$", then=LessThan(Cast("kind", models.IntegerField()), 5)),
    default=Value(True),
    output_field=models.BooleanField(),
)
SOURCE = """
    CREATE TABLE t (id integer PRIMARY KEY, n integer, m integer, f real, p decimal, kind varchar(9) COLLATE NOCASE,
    b bool, starts date, ends date, at datetime, u char(32), "odd name" integer, j text);
"""


def target(*conditions: object) -> TargetTable:
    fields: dict[str, models.Field[Any, Any]] = {
        "n": models.BigIntegerField(null=True),
        "m": models.IntegerField(null=True),
        "f": models.FloatField(null=True),
        "p": models.DecimalField(max_digits=6, decimal_places=2, null=True),
        "kind": models.CharField(max_length=9, null=True),
        "b": models.BooleanField(null=True),
        "starts": models.DateField(null=True),
        "ends": models.DateField(null=True),
        "at": models.DateTimeField(null=True),
        "u": models.UUIDField(null=True),
        "odd": models.IntegerField(null=True, db_column="odd name"),
        "j": models.JSONField(null=True),
    }
    checks = [check(condition, f"t_check_{number}") for number, condition in enumerate(conditions)]
    return table_with(*checks, fields=fields)


def script(column: str, *literals: str) -> str:
    rows = ", ".join(f"({key}, {value})" for key, value in enumerate(literals, 1))
    return SOURCE + f"INSERT INTO t (id, {column}) VALUES {rows};"


@pytest.mark.parametrize(
    ("condition", "column", "good", "bad"),
    [
        (Q(n__gte=0), "n", "0", "-1"),
        (Q(n__gte=0, n__lte=100), "n", "100", "101"),
        (~Q(n__in=[5, 6]), "n", "4", "6"),
        (Q(n__in=[5, 6]), "n", "5", "7"),
        (Q(n__range=(1, 5)), "n", "5", "6"),
        (~Q(n__lt=0), "n", "0", "-1"),
        (Q(f__gt=0) | Q(f__lt=-10), "f", "0.5", "0"),
        (Q(p__gte="0.05"), "p", "0.05", "0.04"),
        (Q(kind__in=["a", "b'c"]), "kind", "'b''c'", "'c'"),
        (Q(kind__in=["a", "b"]), "kind", "'a'", "'A'"),
        (~Q(kind=""), "kind", "' '", "''"),
        (Q(b=True), "b", "1", "0"),
        (Q(b=False), "b", "0", "1"),
        (Q(n__isnull=False), "n", "0", "NULL"),
        (Q(ends__gte=F("starts")), "starts, ends", "'2024-01-01', '2024-01-01'", "'2024-01-02', '2024-01-01'"),
        (Q(starts__gte=datetime.date(2024, 1, 1)), "starts", "'2024-01-01'", "'2023-12-31'"),
        # One instant in several spellings.
        (Q(at__lt=datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)), "at", "'2029-12-31T23:00:00-00:30'",
         "'2029-12-31T23:00:00-05:00'"),
        (Q(at__lt=datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)), "at", "'2029-12-31 23:59:59.5'",
         "'2030-01-01 00:00:00'"),
        (Q(u="12345678123456781234567812345678"), "u", "'12345678-1234-5678-1234-567812345678'",
         "'00000000000000000000000000000000'"),
        (Q(odd__gt=0), '"odd name"', "1", "0"),
        (YEARS, "kind", "'1999-2000'", "'1999-2001'"),
        (YEARS, "kind", "'0000-0001'", "'1999/2000'"),
        (NUMBERED, "kind", "'0004'", "'0005'"),
        (NUMBERED, "kind", "'x'", "'9999'"),
        (Q(n__gt=F("m") + 1), "n, m", "3, 1", "3, 2"),
        (Q(n__lte=F("m") - 1), "n, m", "1, 2", "2, 2"),
        (Q(n__range=(F("m"), F("m") + 2)), "n, m", "3, 1", "4, 1"),
        (Q(kind__regex="^[A-Za-z]{2}_[0-9]$"), "kind", "'aB_7'", "'éa_7'"),
        (Q(kind__regex="^a-[0-9]$"), "kind", "'a-1'", "'a--1'"),
        (Q(kind__regex="^[A-Z]{3}[0-9]{3}$"), "kind", "'AGV211'", "'AGV211' || char(10)"),
        (Q(kind__startswith="Ab"), "kind", "'Abc'", "'abc'"),
        (Q(kind__contains="50%"), "kind", "'<50%>'", "'<500>'"),
        (~Q(kind__endswith="x"), "kind", "'X'", "'ax'"),
        (Q(Case(When(b=True, then=Q(n__gt=0)), default=Value(None), output_field=models.BooleanField())), "b, n",
         "0, -1", "1, 0"),
    ],
)  # fmt: skip
def test_the_rows_it_is_certain_to_refuse_are_an_error(condition: object, column: str, good: str, bad: str) -> None:
    # The row of NULLs, which a constraint lets pass.
    lets_null = condition is not YEARS and bad != "NULL"
    nulls = [", ".join(["NULL"] * (column.count(", ") + 1))] if lets_null else []
    check_healthy(script(column, good, *nulls), target(condition))
    finding = check_finds("check-constraint", script(column, good, bad), target(condition))
    assert (finding.count, keys(finding), finding.blocks, finding.quarantinable) == (1, ["2"], True, True)
    assert "CHECK (" in finding.explanation


UNCERTAIN = [
    (Q(kind__regex="^a+$"), "kind", "'aa'", "'ab'"),
    (Q(kind__regex="^[[:digit:]]$"), "kind", "NULL", ""),
    (Q(kind__regex="^a.b$"), "kind", "'a' || char(10) || 'b'", "'ab'"),
    (Q(kind__iregex="^a$"), "kind", "'A'", "'b'"),
    (Q(kind__icontains="ab"), "kind", "'xAB'", "'ba'"),
    (Q(kind__iexact="ab"), "kind", "'AB'", "'ba'"),
    (Q(kind__gt="a"), "kind", "'b'", "'A'"),
    (Q(kind=Lower("kind")), "kind", "'a'", "'A'"),
    (Q(kind=Upper("kind")), "kind", "'A'", "'a'"),
    (Q(n__gte=Length("kind")), "n, kind", "3, 'éé'", "1, 'éé'"),
    (Q(n__gte=Abs("m")), "n, m", "3, -3", "2, -3"),
    (Exact(Coalesce("n", "m"), 1), "n, m", "NULL, 1", "2, 1"),
    (Exact(Mod("n", 2), 0), "n", "4", "3"),
    (Q(at__year=2024), "at", "'2024-05-05 10:00:00'", "'2023-05-05 10:00:00'"),
    (Q(starts__year__gte=2024), "starts", "'2024-05-05'", "'2023-05-05'"),
    (Exact(ExtractYear("starts"), F("n")), "starts, n", "'2024-05-05', 2024", "'2023-05-05', 2024"),
    (Q(p=F("n")), "p, n", "2, 2", "2, 3"),
    (Exact(F("n") / 2, 1), "n", "3", "4"),
    (Exact(Cast("kind", models.IntegerField()), 5), "kind", "'5'", "'6'"),
    (Q(j__kind="a"), "j", "'{\"kind\": \"a\"}'", "'{\"kind\": \"b\"}'"),
    (Q(j__n__gt=3), "j", "'{\"n\": 4}'", "'{\"n\": 3}'"),
    (Q(j__has_key="n"), "j", "'{\"n\": null}'", "'{\"m\": 4}'"),
    (Q(n=1) ^ Q(m=1), "n, m", "1, 2", "1, 1"),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "column", "good", "bad"), UNCERTAIN)
def test_what_postgresql_may_judge_otherwise_is_a_warning_without_a_server(
    condition: object, column: str, good: str, bad: str
) -> None:
    """With one, PostgreSQL judges."""
    check_healthy(script(column, good), target(condition), offline=True)
    if bad:
        finding = check_finds("check-constraint", script(column, good, bad), target(condition), offline=True)
        assert (finding.level, finding.count, keys(finding)) == (Level.WARNING, 1, ["2"])
        assert (finding.blocks, finding.quarantinable) == (False, False)
        assert "may break it" in finding.explanation
        check_healthy(script(column, good, bad), target(condition))


def test_a_value_for_which_a_function_fails_leaves_the_other_constraints_asked() -> None:
    made = target(Exact(Mod("n", "m"), 0), Q(n__lt=5))
    found = findings(script("n, m", "4, 0", "9, 3"), made, offline=True)
    assert [(f.rule, f.count, keys(f)) for f in found] == [("check-constraint", 1, ["2"])]


@pytest.mark.parametrize(
    "field", [models.PositiveIntegerField(), models.PositiveSmallIntegerField(), models.PositiveBigIntegerField()]
)
def test_the_check_of_a_field_is_asked(field: models.Field[Any, Any]) -> None:
    source = "CREATE TABLE t (id integer PRIMARY KEY, v integer NOT NULL); INSERT INTO t VALUES (1, 0), (2, -1);"
    finding = check_finds("check-constraint", source, table_with(fields={"v": field}))
    assert (keys(finding), finding.level) == (["2"], Level.ERROR)


@pytest.mark.parametrize("field", [models.GenericIPAddressField(), Network()])
def test_addresses_are_compared_as_django_stores_them(field: models.Field[Any, Any]) -> None:
    made = table_with(check(~Q(v="10.0.0.1")), fields={"v": field})
    filled = "CREATE TABLE t (id integer PRIMARY KEY, v varchar(43) NOT NULL); INSERT INTO t VALUES (1, '10.0.0.{}')"
    assert check_finds("check-constraint", filled.format(1), made, offline=True).count == 1
    check_healthy(filled.format(2), made, offline=True)


def test_what_only_sqlite_checks_is_no_constraint_of_postgresqls() -> None:
    """Django gives a JSONField a CHECK on SQLite alone."""
    assert table_with(fields={"v": models.JSONField()}).checks == ()


def test_a_constraint_that_no_model_has_is_postgresqls() -> None:
    made = table("t", "id bigint", "n bigint NULL")
    raw = TargetTable(
        name="t", columns=made.columns, primary_key=("id",), checks=(TargetCheck(name="raw", expression="(n >= 0)"),)
    )
    check_healthy("CREATE TABLE t (id integer PRIMARY KEY, n integer); INSERT INTO t VALUES (1, -1);", raw)


def test_values_that_other_rules_report_take_no_part() -> None:
    check_finds("wrong-storage-class", script("n", "1", "'x'"), target(Q(n__lt=5)))
    check_finds("malformed-date", script("starts", "'2024-01-01'", "''"), target(Q(starts__gt="2000-01-01")))


def test_a_number_is_rounded_as_postgresql_will() -> None:
    found = findings(script("p", "0.046", "0.044"), target(Q(p__gte="0.05")))
    assert [(f.rule, keys(f)) for f in found] == [("check-constraint", ["2"]), ("numeric-rounded", ["1", "2"])]


def test_what_sqlite_does_not_take_is_not_asked() -> None:
    """Django puts a name with a quote into SQLite's SQL as it is."""
    made = table_with(check(Q(v__gt=0)), fields={"v": models.IntegerField(db_column='odd "name')})
    assert [one.sqlite for one in made.checks] == [None]


def test_local_times_are_compared_as_django_stores_them(settings: object) -> None:
    settings.USE_TZ = False  # type: ignore[attr-defined]
    made = target(Q(at__lt=datetime.datetime(2030, 1, 1)))
    source = script("at", "'2029-12-31 23:30:00'", "'2030-01-01 00:30:00'")
    finding = check_finds("check-constraint", source, made, time_zone="Europe/Paris", local_times=True)
    assert keys(finding) == ["2"]


def test_the_values_are_shown_and_the_query_works() -> None:
    finding = check_finds("check-constraint", script("n", "1", "-7"), target(Q(n__gte=0)))
    assert values(finding) == ["-7"]
    assert 'SELECT * FROM "t" WHERE NOT ("n" >= 0);' in finding.remedy
    without = check_finds("check-constraint", script("kind", "'a'", "'b'"), target(Q(kind__regex="^a$")))
    assert "SELECT" not in without.remedy
