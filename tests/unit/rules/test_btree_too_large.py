"""Keys too large for an entry of a btree."""

from __future__ import annotations

import pytest

from migrate_to_pg.records import Level
from tests.unit.rules.examined import check_finds, check_healthy, keys, table

TARGET = table("t", "id bigint", "v text NULL", "w character varying(600) NULL", unique=["v", "w"])
SOURCE = "CREATE TABLE t (id integer PRIMARY KEY, v text UNIQUE, w varchar(600) UNIQUE);"
RANDOM = "hex(randomblob(8000))"
REPEATED = "hex(zeroblob(8000))"


@pytest.mark.parametrize(("value", "level"), [(RANDOM, Level.ERROR), (REPEATED, Level.WARNING)])
def test_what_cannot_be_compressed_stops_the_run(value: str, level: Level) -> None:
    finding = check_finds("btree-too-large", SOURCE + f"INSERT INTO t (id, v) VALUES (1, 'a'), (2, {value});", TARGET)
    assert (finding.column, finding.count, keys(finding), finding.level) == ("v", 1, ["2"], level)


def test_what_fits_is_healthy() -> None:
    check_healthy(SOURCE + "INSERT INTO t (id, v) VALUES (1, hex(randomblob(1346))), (2, NULL);", TARGET)


def test_a_long_text_without_a_key_is_healthy() -> None:
    check_healthy(
        SOURCE + f"INSERT INTO t (id, v) VALUES (1, {RANDOM});", table("t", "id bigint", "v text NULL", "w text NULL")
    )
