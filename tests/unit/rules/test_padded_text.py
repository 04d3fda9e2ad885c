"""Text that char(n) pads with spaces."""

from __future__ import annotations

from migrate_to_pg.records import Level
from tests.unit.rules.examined import check_finds, check_healthy, table

TARGET = table("t", "id bigint", "v character(3) NULL")
ROWS = "CREATE TABLE t (id integer PRIMARY KEY, v); INSERT INTO t VALUES (1, NULL), (2, 'abc'), (3, 'éàü')"


def test_what_is_shorter_comes_back_otherwise() -> None:
    finding = check_finds("padded-text", f"{ROWS}, (7, 'a'), (8, 'b ');", TARGET)
    assert (finding.level, finding.count, finding.samples[1].value) == (Level.WARNING, 2, "'b '")
    assert "character(3)" in finding.explanation


def test_what_has_all_its_characters_is_as_it_was() -> None:
    check_healthy(f"{ROWS};", TARGET)
