"""Numbers with more decimals than Django reads."""

from __future__ import annotations

import pytest

from migrate_to_pg.records import Level
from tests.unit.rules.examined import check_finds, check_healthy, keys, table, values

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
