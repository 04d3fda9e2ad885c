"""A database that keeps its text as UTF-16."""

from __future__ import annotations

import pytest

from migrate_to_pg.records import Level
from tests.unit.rules.examined import check_finds, check_healthy, table

ROWS = "CREATE TABLE t (id integer PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'Thérèse 😀');"
TARGET = table("t", "id bigint", "a text")


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_it_is_a_warning_and_the_text_crosses(encoding: str) -> None:
    finding = check_finds("utf16-encoding", f"PRAGMA encoding = '{encoding}';{ROWS}", TARGET)
    assert finding.level is Level.WARNING
    assert encoding in finding.explanation


def test_utf_8_is_healthy() -> None:
    check_healthy(ROWS, TARGET)
