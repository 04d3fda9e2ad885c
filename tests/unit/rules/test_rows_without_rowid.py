"""Tables whose rows SQLite gives no number: WITHOUT ROWID, or with columns that took all names of the rowid."""

from __future__ import annotations

import pytest

from migrate_to_pg.records import TargetTable
from tests.unit.rules.examined import check_finds, findings, keys, table
from tests.unit.rules.mended import mended

PARENT = "CREATE TABLE p (id integer PRIMARY KEY); INSERT INTO p VALUES (1), (2);"
ROWS = (
    "INSERT INTO t (a, b, {c}) VALUES ('x', 2, 'fine'), ('x', 1, 'far too long'), ('w', 9, 'orphan'), ('y', 1, 'fine');"
)
#: One key of two columns, one text that is too long, one key without a parent; the rows are not put in in their order.
SHAPES = {
    "without rowid": "CREATE TABLE t (a text, b integer, c text, PRIMARY KEY (a, b)) WITHOUT ROWID;"
    + ROWS.format(c="c"),
    "names taken": "CREATE TABLE t (a text, b integer, rowid text, oid, _rowid_, PRIMARY KEY (a, b));"
    + ROWS.format(c="rowid"),
}
COLUMN = {"without rowid": "c", "names taken": "rowid"}
P = table("p", "id bigint")


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> tuple[str, str]:
    """(its script, the column with the texts)."""
    return PARENT + SHAPES[request.param], COLUMN[request.param]


def target(column: str, *, unique: tuple[str, ...] = ()) -> TargetTable:
    others = ["oid text NULL", "_rowid_ text NULL"] if column == "rowid" else []
    return table(
        "t", "a text", "b bigint", f"{column} character varying(8)", *others, key="a, b",
        refers=[("b", "p.id")], unique=unique,
    )  # fmt: skip


def test_their_rows_are_listed_by_their_primary_key(shape: tuple[str, str]) -> None:
    script, column = shape
    found = {finding.rule: finding for finding in findings(script, target(column), P)}
    assert keys(found["text-too-long"]) == ["x, 1"]
    assert keys(found["foreign-key-orphan"]) == ["w, 9"]
    assert all(finding.quarantinable for finding in found.values())
    assert "not listed" not in "".join(finding.explanation for finding in found.values())


def test_their_rows_are_repaired_and_set_aside(shape: tuple[str, str]) -> None:
    script, column = shape
    done = mended(script, target(column), P, fix=["text-too-long"], quarantine=["foreign-key-orphan"])
    assert done.remaining == []
    assert sorted(row[1:4] for row in done.rows["t"]) == [("x", 1, "far too "), ("x", 2, "fine"), ("y", 1, "fine")]
    assert done.keys == [{"a": "x", "b": "1"}, {"a": "w", "b": "9"}]
    ((_number, *whole),) = done.kept["t"]
    assert whole[:3] == ["w", 9, "orphan"]
    assert done.planned["t"] == 3


def test_their_duplicates_are_listed_and_merged(shape: tuple[str, str]) -> None:
    script, column = shape
    script = script.replace("far too long", "fine").replace("'w', 9", "'w', 2")
    finding = check_finds("duplicate-key", script, target(column, unique=(column,)), P)
    assert finding.count == 2
    assert len(keys(finding)) == 2
    done = mended(script, target(column, unique=(column,)), P, fix=["duplicate-key"])
    assert done.remaining == []
    assert sorted(row[1:4] for row in done.rows["t"]) == [("w", 2, "orphan"), ("x", 1, "fine")]


def test_a_table_without_a_key_is_offered_nothing_and_its_rows_have_positions() -> None:
    script = "CREATE TABLE t (rowid text, oid, _rowid_); INSERT INTO t VALUES ('short', 1, 2), ('far too long', 3, 4);"
    wanted = table("t", "rowid character varying(8)", "oid bigint", "_rowid_ bigint", key="")
    finding = check_finds("text-too-long", script, wanted)
    assert (finding.quarantinable, finding.repair) == (False, "")
    assert [sample.key for sample in finding.samples] == [{"row": "2"}]
