"""Moments with an offset, where Django reads local times."""

from __future__ import annotations

import pytest

from migrate_to_pg.records import Level
from tests.unit.rules.examined import check_finds, check_healthy, keys, table

TARGET = table("t", "id bigint", "v timestamp with time zone NULL", "w timestamp NULL")


def script(value: str, column: str = "v") -> str:
    return (
        "CREATE TABLE t (id integer PRIMARY KEY, v datetime, w datetime);"
        f"INSERT INTO t (id, {column}) VALUES (1, '2024-07-01 12:00:00'), (2, '{value}'), (3, NULL);"
    )


@pytest.mark.parametrize(
    "value", ["2024-07-01 12:00:00+02:00", "2024-07-01T12:00:00Z", "2024-7-1 8:00 +02", "20240701T120000-0330"]
)
@pytest.mark.parametrize("column", ["v", "w"])
def test_they_are_told_where_use_tz_is_false(value: str, column: str) -> None:
    finding = check_finds("offset-dropped", script(value, column), TARGET, local_times=True, time_zone="Europe/Paris")
    assert (finding.level, finding.column, finding.count, keys(finding)) == (Level.WARNING, column, 1, ["2"])
    assert "local time of Europe/Paris" in finding.explanation


@pytest.mark.parametrize("value", ["2024-07-01", "2024-07-01 12:00", "2024-7-1 8:00", "20240701T120000.5"])
def test_others_are_healthy(value: str) -> None:
    check_healthy(script(value), TARGET, local_times=True)


def test_nothing_changes_with_use_tz() -> None:
    check_healthy(script("2024-07-01 12:00:00+02:00"), TARGET)
