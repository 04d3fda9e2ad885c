"""Moments with more digits than the column keeps."""

from __future__ import annotations

import dataclasses

import pytest

from migrate_to_pg.records import Level, TargetTable
from tests.unit.rules.examined import check_finds, check_healthy, column, table


def target(kind: str, type_sql: str) -> TargetTable:
    made = table("t", "id bigint", "v date NULL")
    own = dataclasses.replace(column("v date NULL"), type_name=kind, type_sql=type_sql)
    return dataclasses.replace(made, columns=(made.columns[0], own))


def rows(value: str) -> str:
    return f"CREATE TABLE t (id integer PRIMARY KEY, v); INSERT INTO t VALUES (1, NULL), (7, {value});"


@pytest.mark.parametrize(
    ("kind", "type_sql", "kept", "lost"),
    [
        ("timestamp", "timestamp(0) without time zone", "'2024-01-02 03:04:05'", "'2024-01-02 03:04:05.5'"),
        ("timestamptz", "timestamp(3) with time zone", "'2024-01-02 03:04:05.123'", "'2024-01-02 03:04:05.1234'"),
        ("time", "time(5) without time zone", "'03:04:05.12345'", "'03:04:05.123456'"),
        ("interval", "interval(0)", "2000000", "-2000001"),
        ("interval", "interval hour to minute", "60000000", "61000000"),
        ("interval", "interval day to hour", "7200000000", "60000000"),
        ("interval", "interval day to second(1)", "100000", "10000"),
        ("interval", "interval day", "0", "86400000000"),
        ("interval", "interval year to month", "0", "1"),
    ],
)
def test_what_would_be_rounded_or_dropped_is_named(kind: str, type_sql: str, kept: str, lost: str) -> None:
    check_healthy(rows(kept), target(kind, type_sql))
    finding = check_finds("precision-lost", rows(lost), target(kind, type_sql))
    assert (finding.level, finding.column, finding.count, dict(finding.samples[0].key)) == (
        Level.ERROR,
        "v",
        1,
        {"id": "7"},
    )
    assert type_sql in finding.explanation
    assert finding.quarantinable


@pytest.mark.parametrize("type_sql", ["interval", "interval second", "interval minute to second", "interval(6)"])
def test_what_keeps_microseconds_keeps_all(type_sql: str) -> None:
    check_healthy(rows("1"), target("interval", type_sql))
