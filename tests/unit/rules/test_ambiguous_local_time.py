"""Local times that the clocks showed twice, or never."""

from __future__ import annotations

from tests.unit.rules.examined import check_finds, check_healthy, findings, keys, table

TARGET = table("t", "id bigint", "v timestamp with time zone")
SCRIPT = """
    CREATE TABLE t (id integer PRIMARY KEY, v);
    INSERT INTO t VALUES (1, '2024-03-31 02:30:00'), (2, '2024-10-27 02:30:00'), (3, '2024-10-27 04:30:00');
"""


def test_never_and_twice_are_both_found() -> None:
    finding = check_finds("ambiguous-local-time", SCRIPT, TARGET, time_zone="Europe/Paris")
    assert keys(finding) == ["1", "2"]
    assert "Europe/Paris" in finding.explanation
    assert finding.blocks


def test_in_utc_every_time_is_once() -> None:
    check_healthy(SCRIPT, TARGET, time_zone="UTC")


def test_an_offset_says_which() -> None:
    script = "CREATE TABLE t (id integer PRIMARY KEY, v); INSERT INTO t VALUES (1, '2024-10-27 02:30:00+02:00');"
    check_healthy(script, TARGET, time_zone="Europe/Paris")


def test_a_column_without_time_zone_holds_what_the_clock_showed() -> None:
    check_healthy(SCRIPT, table("t", "id bigint", "v timestamp"), time_zone="Europe/Paris")


def test_malformed_text_beside_it_is_told_apart() -> None:
    script = SCRIPT + "INSERT INTO t VALUES (4, ''), (5, '2024-02-30 00:00:00');"
    found = findings(script, TARGET, time_zone="Europe/Paris")
    assert [(f.rule, f.count, keys(f)) for f in found] == [
        ("ambiguous-local-time", 2, ["1", "2"]),
        ("malformed-timestamp", 2, ["4", "5"]),
    ]
