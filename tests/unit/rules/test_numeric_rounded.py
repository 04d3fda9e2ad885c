"""Numbers with more decimals than Django reads."""

from __future__ import annotations

import pytest

from migrate_to_pg.codecs.numeric import INTEGERS_ARE_EXACT
from migrate_to_pg.planning import exact_decimals
from migrate_to_pg.records import Level
from tests.unit.rules.examined import check_finds, check_healthy, findings, keys, table, values

TARGET = table("t", "id bigint", "v numeric(6, 2) NULL", "w numeric(4, 0) NULL")
SOURCE = "CREATE TABLE t (id integer PRIMARY KEY, v decimal, w decimal);"


@pytest.mark.parametrize(("value", "shown"), [("1.005", "1.005"), ("-0.001", "-0.001"), ("9999.994", "9999.994")])
def test_the_rows_are_named_and_nothing_is_stopped(value: str, shown: str) -> None:
    finding = check_finds("numeric-rounded", SOURCE + f"INSERT INTO t (id, v) VALUES (1, 1.25), (2, {value});", TARGET)
    assert (finding.column, finding.count, finding.level) == ("v", 1, Level.WARNING)
    assert (keys(finding), values(finding)) == (["2"], [shown])
    assert "2 decimals" in finding.explanation


def test_a_column_of_whole_numbers() -> None:
    assert check_finds("numeric-rounded", SOURCE + "INSERT INTO t (id, w) VALUES (1, 2.5);", TARGET).column == "w"


@pytest.mark.parametrize("value", ["0.30000000000000004", "1.1", "4.35", "2.675e1", "-9999.99", "7", "1.15", "-0.0"])
def test_noise_beyond_fifteen_digits_is_none(value: str) -> None:
    check_healthy(SOURCE + f"INSERT INTO t (id, v) VALUES (1, {value});", TARGET)


def test_what_overflows_is_told_once() -> None:
    check_finds("numeric-overflow", SOURCE + "INSERT INTO t (id, v) VALUES (1, 123456.789);", TARGET)


WHOLES = table("t", "id bigint", "v numeric(25, 0) NULL", "w numeric NULL")
FILLED = (
    "INSERT INTO t VALUES (1, 9007199254740993, 1), (2, 1234567890123456789, 9007199254740993),"
    "(3, 999999999999999, 0), (4, 1000000000000000, 0), (5, -9223372036854775808, 0), (6, 1234567890123450000, NULL),"
    "(7, 1.5, 9223372036854775807);"
)


@pytest.mark.skipif(INTEGERS_ARE_EXACT, reason="Django 6.1 reads every digit")
def test_whole_numbers_of_more_than_fifteen_digits_are_named_with_both_readings() -> None:
    rounded = {f.column: f for f in findings(SOURCE + FILLED, WHOLES) if "15 digits" in f.explanation}
    assert {column: keys(f) for column, f in rounded.items()} == {"v": ["1", "2", "5"], "w": ["2", "7"]}
    assert values(rounded["v"])[:2] == [
        "SQLite holds 9007199254740993, Django reads 9007199254740990",
        "SQLite holds 1234567890123456789, Django reads 1234567890123460000",
    ]
    assert rounded["v"].level is Level.WARNING
    assert "--exact-decimals" in rounded["v"].remedy


@pytest.mark.skipif(INTEGERS_ARE_EXACT, reason="Django 6.1 reads every digit")
def test_it_says_so_where_they_are_carried_exactly() -> None:
    found = findings(SOURCE + FILLED, exact_decimals(WHOLES))
    asked = [(f.column, f.remedy) for f in found if "as --exact-decimals asks" in f.explanation]
    assert asked == [("v", "Nothing needs to be done."), ("w", "Nothing needs to be done.")]


@pytest.mark.skipif(not INTEGERS_ARE_EXACT, reason="Django before 6.1 rounds")
def test_nothing_is_told_where_django_reads_every_digit() -> None:
    assert [f for f in findings(SOURCE + FILLED, WHOLES) if "15 digits" in f.explanation] == []


@pytest.mark.parametrize("exact", [True, False])
def test_what_is_a_duplicate_depends_on_what_crosses(exact: bool) -> None:
    target = table("t", "id bigint", "v numeric(25, 0)", unique=["v"])
    script = SOURCE + "INSERT INTO t VALUES (1, 9007199254740992, 0), (2, 9007199254740993, 0);"
    found = {f.rule for f in findings(script, exact_decimals(target) if exact else target)}
    assert ("duplicate-key" in found) == (not exact and not INTEGERS_ARE_EXACT)


def test_an_exact_number_must_fit() -> None:
    """10^16 - 1 has 16 digits, what Django reads of it 17."""
    target = exact_decimals(table("t", "id bigint", "v numeric(16, 0)", "w numeric(15, 0)"))
    filled = SOURCE + "INSERT INTO t VALUES (1, 9999999999999999, 1), (2, 1, 9999999999999999);"
    found = {(f.rule, f.column): keys(f) for f in findings(filled, target) if f.rule == "numeric-overflow"}
    assert found == {("numeric-overflow", "w"): ["2"]}
