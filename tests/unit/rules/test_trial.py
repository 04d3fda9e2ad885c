"""A repair is offered for as many rows as it really repairs, and a hint speaks of the finding's own rows."""

from __future__ import annotations

import re

import pytest
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from migrate_to_pg.records import Finding, Report
from migrate_to_pg.report.to_text import lines
from tests.unit.rules.examined import check_finds, findings, table
from tests.unit.rules.mended import mended
from tests.unit.rules.promising import table_with

ORDERS = table("orders", "id bigint", "paid_on date NULL", "placed timestamp with time zone")


def told(finding: Finding) -> str:
    """What a person reads of it, each sentence in one line."""
    return re.sub(r"\s+", " ", " ".join(lines(Report(ok=False, mode="check", started="", findings=(finding,)))))


@pytest.mark.parametrize(
    ("dates", "repairable", "sentence"),
    [
        (("''", "'0000-00-00'"), 2, "--fix malformed-date repairs 2 of 2 (lossy)."),
        (
            ("''", "'2023-02-30'", "'soon'"),
            1,
            "--fix malformed-date repairs 1 of 3 (lossy): it has nothing to put in place of the others.",
        ),
        (
            ("'2023-02-30'",),
            0,
            "--fix malformed-date repairs 0 of 1: it has nothing to put in place of what is there.",
        ),
    ],
)
def test_a_repair_is_tried_on_the_rows_found_before_it_is_offered(
    dates: tuple[str, ...], repairable: int, sentence: str
) -> None:
    rows = ", ".join(f"({i}, {date}, '2024-01-01 08:00:00')" for i, date in enumerate(dates))
    script = f"CREATE TABLE orders (id integer PRIMARY KEY, paid_on, placed); INSERT INTO orders VALUES {rows}"
    finding = check_finds("malformed-date", script, ORDERS)
    assert (finding.repairable, finding.repair) == (repairable, "lossy" if repairable else "")
    assert sentence in told(finding)
    done = mended(script, ORDERS, fix=["malformed-date"])
    assert len(done.changed) == repairable


@pytest.mark.parametrize(
    ("rule", "type_sql", "value"),
    [
        ("malformed-timestamp", "timestamp with time zone", "'2023-02-30 10:00:00'"),
        ("wrong-storage-class", "timestamp with time zone", "1683367872"),
        ("wrong-storage-class", "numeric(6, 2)", "'12,50'"),
        ("invalid-json", "jsonb NULL", "'{''a'': 1}'"),
        ("invalid-inet", "inet NULL", "'localhost'"),
        ("null-in-not-null", "bigint", "NULL"),
    ],
)
def test_a_repair_that_repairs_nothing_is_not_offered(rule: str, type_sql: str, value: str) -> None:
    script = f"CREATE TABLE t (id integer PRIMARY KEY, v); INSERT INTO t VALUES (1, {value})"
    finding = check_finds(rule, script, table("t", "id bigint", f"v {type_sql}"))
    assert (finding.repairable, finding.repair) == (0, "")
    assert f"--fix {rule} repairs 0 of 1: " in told(finding)


@pytest.mark.parametrize(("flag", "repairable"), [(" NULL", 2), ("", 0)])
def test_an_orphan_is_repaired_where_its_key_may_be_null(flag: str, repairable: int) -> None:
    script = """
        CREATE TABLE parent (id integer PRIMARY KEY);
        CREATE TABLE child (id integer PRIMARY KEY, parent_id integer);
        INSERT INTO child VALUES (1, 7), (2, 8);
    """
    child = table("child", "id bigint", f"parent_id bigint{flag}", refers=[("parent_id", "parent.id")])
    finding = check_finds("foreign-key-orphan", script, table("parent", "id bigint"), child)
    assert (finding.repairable, finding.repair) == (repairable, "lossy" if repairable else "")


def test_a_merge_is_not_offered_where_a_child_could_not_follow() -> None:
    script = """
        CREATE TABLE place (id integer PRIMARY KEY, code);
        CREATE TABLE shop (place_id integer PRIMARY KEY);
        INSERT INTO place VALUES (1, 'a'), (2, 'a'), (3, 'b');
    """
    place = table("place", "id bigint", "code text", unique=["code"])
    shop = table("shop", "place_id bigint", key="place_id", refers=[("place_id", "place.id")])
    (free,) = findings(script, place, shop)
    (stuck,) = findings(script + "INSERT INTO shop VALUES (2);", place, shop)
    assert [(f.rule, f.repairable, f.repair) for f in (free, stuck)] == [
        ("duplicate-key", 1, "lossy"),
        ("duplicate-key", 0, ""),
    ]


def test_no_duplicates_under_an_expression_are_offered_a_merge() -> None:
    folded = models.UniqueConstraint(Lower("email"), name="folded")
    script = "CREATE TABLE t (id integer PRIMARY KEY, email); INSERT INTO t VALUES (1, 'a@x'), (2, 'A@x')"
    finding = check_finds("duplicate-key", script, table_with(folded, fields={"email": models.TextField()}))
    assert (finding.repairable, finding.repair) == (0, "")


@pytest.mark.parametrize("condition", [Q(n=None), Q(n__gt=3)])
def test_a_merge_is_offered_under_any_condition_of_which_sqlite_is_certain(condition: Q) -> None:
    unique = models.UniqueConstraint(fields=["email"], condition=condition, name="some")
    script = "CREATE TABLE t (id integer PRIMARY KEY, email text, n integer);"
    rows = "INSERT INTO t VALUES (1, 'a', 4), (2, 'a', 4), (3, 'a', NULL), (4, 'a', NULL)"
    made = table_with(unique, fields={"email": models.TextField(), "n": models.IntegerField(null=True)})
    finding = check_finds("duplicate-key", script + rows, made)
    assert (finding.count, finding.repair) == (1, "lossy")


def test_rows_without_a_number_are_tried_as_well() -> None:
    script = """
        CREATE TABLE t (code text PRIMARY KEY, v) WITHOUT ROWID;
        INSERT INTO t VALUES ('a', ''), ('b', 'soon'), ('c', '2024-01-01'), ('d', '');
    """
    finding = check_finds("malformed-date", script, table("t", "code text", "v date NULL", key="code"))
    assert (finding.count, finding.repairable) == (3, 2)
    assert "the empty text, where NULL was meant (2)" in finding.explanation


def test_a_hint_counts_the_findings_own_rows_alone() -> None:
    """The whole number belongs to another finding: it was called a number written as text."""
    script = """
        CREATE TABLE orders (id integer PRIMARY KEY, paid_on, placed datetime);
        INSERT INTO orders VALUES (1, NULL, '2023-02-30 10:00:00'), (2, NULL, 1683367872), (3, NULL, '12.5');
    """
    found = {finding.rule: finding for finding in findings(script, ORDERS)}
    assert "number written as text" not in found["malformed-timestamp"].explanation
    assert found["malformed-timestamp"].count == 1
    assert "Found here: 1 integer, 1 real." in found["wrong-storage-class"].explanation
    assert "Among them: like a Unix time in seconds (1)." in found["wrong-storage-class"].explanation


def test_a_hint_of_a_rule_without_a_condition_counts_its_own_rows_alone() -> None:
    """Text is no whole number that is stored as REAL; what is empty in a key is told by a rule of its own."""
    script = """
        CREATE TABLE parent (id integer PRIMARY KEY);
        CREATE TABLE child (id integer PRIMARY KEY, parent_id);
        INSERT INTO parent VALUES (12);
        INSERT INTO child VALUES (1, ''), (2, '12'), (3, '');
    """
    child = table("child", "id bigint", "parent_id bigint NULL", refers=[("parent_id", "parent.id")])
    found = {finding.rule: finding for finding in findings(script, table("parent", "id bigint"), child)}
    assert {rule: finding.count for rule, finding in found.items()} == {"empty-key": 2, "wrong-storage-class": 1}
    assert "Found here: 1 text." in found["wrong-storage-class"].explanation
