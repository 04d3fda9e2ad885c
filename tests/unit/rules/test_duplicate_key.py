"""Rows that PostgreSQL's unique constraints refuse."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models
from django.db.models import Q

from migrate_to_pg.records import Level, TargetTable, TargetUnique
from tests.unit.rules.examined import check_finds, check_healthy, findings, keys, table, values
from tests.unit.rules.promising import table_with

COURSE = table("course", "id bigint", "code character varying(20) NULL", unique=["code"])
LOST = "CREATE TABLE course (id integer PRIMARY KEY, code varchar(20));"


def test_different_codes_and_nulls_are_healthy() -> None:
    check_healthy(LOST + "INSERT INTO course VALUES (1, 'A'), (2, 'B'), (3, 'a'), (4, NULL), (5, NULL);", COURSE)


def test_surplus_rows_are_counted_and_shown_with_the_row_that_has_the_key_already() -> None:
    script = LOST + "INSERT INTO course VALUES (1, 'A'), (2, 'B'), (3, 'B'), (4, 'C'), (5, 'A'), (6, 'B'), (7, 'D');"
    finding = check_finds("duplicate-key", script, COURSE)
    assert (finding.table, finding.column, finding.count) == ("course", "code", 3)
    assert keys(finding) == ["3", "5", "6"]
    assert values(finding) == [
        "'B' (3 rows; id = 2 would stay)",
        "'A' (2 rows; id = 1 would stay)",
        "'B' (3 rows; id = 2 would stay)",
    ]
    assert "no unique index" in finding.explanation
    assert "RENAME" in finding.explanation


def test_the_empty_text_is_probably_a_missing_value_and_null_comes_before_merging() -> None:
    script = LOST + "INSERT INTO course VALUES (1, ''), (2, ''), (3, 'B'), (4, 'B'), (5, '');"
    finding = check_finds("duplicate-key", script, COURSE)
    assert "3 rows have the empty text in code. Probably their value is missing" in finding.explanation
    first, query, then, *_ = finding.remedy.splitlines()
    assert "set it to NULL first" in first
    assert query == """UPDATE "course" SET "code" = NULL WHERE "code" = '';"""
    assert then.startswith("Decide which row")


@pytest.mark.parametrize(("on_postgresql", "on_sqlite"), [("", "NULL"), ("NULL", "NOT NULL")])
def test_where_null_is_not_taken_each_empty_text_needs_a_value_of_its_own(on_postgresql: str, on_sqlite: str) -> None:
    target = table("course", "id bigint", f"code character varying(20) {on_postgresql}".strip(), unique=["code"])
    script = f"CREATE TABLE course (id integer PRIMARY KEY, code varchar(20) {on_sqlite});"
    finding = next(f for f in findings(script + "INSERT INTO course VALUES (1, ''), (2, '');", target) if f.count)
    assert "give each row a value of its own" in finding.remedy
    assert "UPDATE" not in finding.remedy


def test_one_empty_text_alone_is_not_spoken_of() -> None:
    finding = check_finds("duplicate-key", LOST + "INSERT INTO course VALUES (1, ''), (2, 'B'), (3, 'B');", COURSE)
    assert "empty text" not in finding.explanation + finding.remedy


def test_a_rebuild_by_create_table_as_select_loses_the_primary_key() -> None:
    script = """
        CREATE TABLE old (id integer PRIMARY KEY, code varchar(20) UNIQUE);
        INSERT INTO old VALUES (1, 'A'), (2, 'B');
        CREATE TABLE course AS SELECT * FROM old;
        INSERT INTO course VALUES (2, 'C');
        DROP TABLE old;
    """
    finding = check_finds("duplicate-key", script, COURSE)
    assert (finding.column, finding.count) == ("id", 1)
    assert "primary key" in finding.explanation


def test_what_differs_by_case_alone_is_healthy_even_where_sqlite_sorts_without_case() -> None:
    script = "CREATE TABLE course (id integer PRIMARY KEY, code varchar(20) COLLATE NOCASE);"
    check_healthy(script + "INSERT INTO course VALUES (1, 'A'), (2, 'a');", COURSE)


def test_a_column_named_like_anything_in_the_query_is_no_trouble() -> None:
    target = table("n", "n bigint", "v bigint", 'count"(*) bigint', key="n", unique=['count"(*)', "v"])
    script = """
        CREATE TABLE n (n integer PRIMARY KEY, v integer, "count""(*)" integer);
        INSERT INTO n VALUES (1, 1, 5), (2, 2, 5);
    """
    finding = check_finds("duplicate-key", script, target)
    assert (finding.column, keys(finding)) == ('count"(*)', ["2"])


@pytest.mark.parametrize(
    ("type_sql", "first", "second"),
    [
        ("uuid", "'5c0d5a8fb7b34f7c9a3f3ac7f9e0a4d1'", "'5C0D5A8F-B7B3-4F7C-9A3F-3AC7F9E0A4D1'"),
        ("uuid", "'5c0d5a8fb7b34f7c9a3f3ac7f9e0a4d1'", "'{5c0d5a8f-b7b3-4f7c-9a3f-3ac7f9e0a4d1}'"),
        ("numeric(8, 2)", "1", "1.0"),
        ("numeric(8, 2)", "0.3", "0.30000000000000004"),
        ("numeric(8, 2)", "0", "-0.0"),
        ("timestamp with time zone", "'2024-01-01 10:00:00'", "'2024-01-01T12:00:00.000000+02:00'"),
        ("timestamp", "'2024-01-01 10:00:00'", "'2024-01-01T10:00:00.000'"),
        ("time", "'10:00:00'", "'10:00'"),
        ("date", "'2024-01-01'", "'20240101'"),
        ("character(5)", "'ab'", "'ab '"),
        ("double precision", "1", "1.0"),
        ("inet", "'2001:DB8::1'", "'2001:db8:0::1'"),
        ("cidr", "'2001:DB8::/32'", "'2001:db8::/32'"),
        ("cidr", "'10.0.0.1'", "'10.0.0.1/32'"),
    ],
)
def test_two_spellings_of_one_value_are_duplicates_under_sqlites_own_unique_index(
    type_sql: str, first: str, second: str
) -> None:
    target = table("t", "id bigint", f"v {type_sql}", unique=["v"])
    script = f"""
        CREATE TABLE t (id integer PRIMARY KEY, v BLOB);
        CREATE UNIQUE INDEX i ON t (v COLLATE BINARY, id);
        INSERT INTO t VALUES (1, {first}), (2, {second});
    """
    # That char(n) pads them is another finding.
    (finding,) = [found for found in findings(script, target) if found.rule != "padded-text"]
    assert (finding.rule, finding.count, keys(finding)) == ("duplicate-key", 1, ["2"])


def test_spellings_that_sqlites_index_keeps_apart_are_told_so() -> None:
    target = table("t", "id bigint", "v uuid", unique=["v"])
    script = """
        CREATE TABLE t (id integer PRIMARY KEY, v char(32) UNIQUE);
        INSERT INTO t VALUES (1, '5c0d5a8fb7b34f7c9a3f3ac7f9e0a4d1'), (2, '5C0D5A8FB7B34F7C9A3F3AC7F9E0A4D1');
    """
    assert "finds these values different" in check_finds("duplicate-key", script, target).explanation


def test_values_that_other_rules_report_take_no_part() -> None:
    target = table("t", "id bigint", "v date", unique=["v"])
    script = "CREATE TABLE t (id integer PRIMARY KEY, v date); INSERT INTO t VALUES (1, ''), (2, '');"
    check_finds("malformed-date", script, target)


def test_nulls_not_distinct() -> None:
    unique = TargetUnique(name="u", columns=("code",), nulls_not_distinct=True)
    target = table("course", "id bigint", "code text NULL", unique=[unique])
    finding = check_finds("duplicate-key", LOST + "INSERT INTO course VALUES (1, NULL), (2, NULL);", target)
    assert (finding.count, values(finding)) == (1, ["NULL (2 rows; id = 1 would stay)"])


def test_compound_keys() -> None:
    target = table("t", "id bigint", "a bigint", "b text NULL", unique=["a, b"])
    script = """
        CREATE TABLE t (id integer PRIMARY KEY, a integer, b text);
        INSERT INTO t VALUES (1, 1, 'x'), (2, 1, 'y'), (3, 1, 'x'), (4, 2, 'x'), (5, 2, NULL), (6, 2, NULL);
    """
    finding = check_finds("duplicate-key", script, target)
    assert (finding.column, keys(finding)) == ("a, b", ["3"])


PARTIAL = """
    CREATE TABLE t (id integer PRIMARY KEY, a integer, open bool, "end" date);
    INSERT INTO t VALUES (1, 7, 1, NULL), (2, 7, 1, NULL);
    INSERT INTO t VALUES (3, 7, 0, '2024-01-01'), (4, 7, 0, '2024-01-01'), (5, 7, 0, NULL);
"""


OPEN, CLOSED = Q(open=True), Q(open=False)


@pytest.mark.parametrize(
    ("condition", "surplus"),
    [
        (OPEN, 1),
        (CLOSED, 2),
        (Q(end__isnull=True), 2),
        (Q(end__isnull=False), 1),
        (CLOSED & Q(end__isnull=True), 0),
        (OPEN & Q(end__isnull=True), 1),
        (OPEN | Q(a__gt=3), 4),
        (Q(a=7), 4),
        (~Q(open=True, a__isnull=False), 2),
        (CLOSED & Q(a__gt=3), 2),
    ],
)
def test_partial_uniques_are_examined_where_the_condition_is_certain(condition: Q, surplus: int) -> None:
    found = findings(PARTIAL, partial(condition))
    assert sum(finding.count for finding in found) == surplus
    assert {finding.level for finding in found} <= {Level.ERROR}


def partial(condition: Q) -> TargetTable:
    fields: dict[str, models.Field[Any, Any]] = {
        "a": models.BigIntegerField(),
        "open": models.BooleanField(),
        "end": models.DateField(null=True),
    }
    return table_with(models.UniqueConstraint(fields=["a"], condition=condition, name="u"), fields=fields)


def test_a_condition_that_may_differ_on_postgresql_is_a_warning_without_a_server() -> None:
    made = partial(Q(end__year=2024) | Q(end__isnull=True))
    finding = check_finds("duplicate-key", PARTIAL, made, offline=True)
    assert (finding.level, finding.quarantinable) == (Level.WARNING, False)
    check_healthy(PARTIAL, made)


def test_a_condition_that_no_model_has_is_postgresqls() -> None:
    unique = TargetUnique(name="u", columns=("a",), predicate="open")
    check_healthy(PARTIAL, table("t", "id bigint", "a bigint", "open boolean", "end date NULL", unique=[unique]))


def test_types_whose_equality_is_not_known_are_left_to_postgresql() -> None:
    target = table("t", "id bigint", "v jsonb", unique=["v"])
    check_healthy("CREATE TABLE t (id integer PRIMARY KEY, v text); INSERT INTO t VALUES (1, '1'), (2, '1');", target)


def test_a_network_with_bits_beyond_its_prefix_is_no_duplicate() -> None:
    target = table("t", "id bigint", "v cidr", unique=["v"])
    script = (
        "CREATE TABLE t (id integer PRIMARY KEY, v text); INSERT INTO t VALUES (1, '10.1.0.0/8'), (2, '10.1.0.0/8')"
    )
    assert [found.rule for found in findings(script, target)] == ["invalid-inet"]


def test_citext_is_examined_for_the_same_text_alone() -> None:
    target = table("t", "id bigint", "v citext", unique=["v"])
    script = "CREATE TABLE t (id integer PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'), (2, 'A'), (3, 'a');"
    assert keys(check_finds("duplicate-key", script, target)) == ["3"]


def test_without_rowid_the_rows_are_listed_by_their_key() -> None:
    script = """
        CREATE TABLE course (id integer PRIMARY KEY, code varchar(20)) WITHOUT ROWID;
        INSERT INTO course VALUES (1, 'A'), (2, 'A');
    """
    finding = check_finds("duplicate-key", script, COURSE)
    assert (finding.count, keys(finding)) == (1, ["2"])


def test_long_values_leave_room_for_the_row_that_has_the_key() -> None:
    target = table("course", "id bigint", "code text", unique=["code"])
    script = LOST + f"INSERT INTO course VALUES (1, '{'x' * 500}'), (2, '{'x' * 500}');"
    (value,) = values(check_finds("duplicate-key", script, target))
    assert value.endswith("… (2 rows; id = 1 would stay)")
