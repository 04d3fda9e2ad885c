"""Keys too large for an entry of a btree."""

from __future__ import annotations

import pytest

from migrate_to_pg.records import Level, SqliteSql, TargetIndex, TargetTable, TargetUnique
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


PLAIN = "CREATE TABLE t (id integer PRIMARY KEY, v text, w text, ok bool);"


def plain(*index: str | TargetIndex, unique: tuple[TargetUnique, ...] = ()) -> TargetTable:
    return table("t", "id bigint", "v text NULL", "w text NULL", "ok boolean NULL", index=index, unique=unique)


@pytest.mark.parametrize(
    "index",
    [
        "v",
        "ok, v",
        TargetIndex(name="t_v_like", columns=("v",), for_like=True),
        TargetIndex(name="more", columns=("ok",), included=("v",)),
        TargetIndex(name="of an expression too", columns=("", "v")),
    ],
)
def test_an_index_that_is_not_unique_has_the_same_limit(index: str | TargetIndex) -> None:
    finding = check_finds(
        "btree-too-large", PLAIN + f"INSERT INTO t (id, v) VALUES (1, 'a'), (2, {RANDOM});", plain(index)
    )
    assert (finding.count, keys(finding), finding.level) == (1, ["2"], Level.ERROR)
    assert finding.column.endswith("v")


def test_several_indexes_over_one_column_are_one_finding() -> None:
    like = TargetIndex(name="t_v_like", columns=("v",), for_like=True)
    finding = check_finds("btree-too-large", PLAIN + f"INSERT INTO t (id, v) VALUES (2, {RANDOM});", plain("v", like))
    assert "in the index t_v_idx." in finding.explanation


@pytest.mark.parametrize(
    "index", [TargetIndex(name="i", columns=("v",), method="hash"), TargetIndex(name="i", columns=("",))]
)
def test_other_kinds_of_index_are_not_judged(index: TargetIndex) -> None:
    check_healthy(PLAIN + f"INSERT INTO t (id, v) VALUES (2, {RANDOM});", plain(index))


def written(condition: str, column: str) -> SqliteSql:
    return SqliteSql(condition=condition, columns=(column,), names=(column,), certain=True)


def test_rows_that_a_partial_index_leaves_out_are_healthy() -> None:
    index = TargetIndex(name="few", columns=("v",), predicate="ok", sqlite=written('"ok"', "ok"))
    unique = TargetUnique(name="fewer", columns=("w",), predicate="(v IS NULL)", sqlite=written('"v" IS NULL', "v"))
    rows = f"(1, {RANDOM}, {RANDOM}, 0), (2, {RANDOM}, {RANDOM}, 1)"
    finding = check_finds("btree-too-large", PLAIN + f"INSERT INTO t VALUES {rows};", plain(index, unique=(unique,)))
    assert (finding.column, keys(finding)) == ("v", ["2"])
