"""A column of a type that is not carried."""

from __future__ import annotations

from tests.unit.rules.examined import check_finds, findings, table

TABLE = "CREATE TABLE t (id integer PRIMARY KEY, v text, w integer); INSERT INTO t VALUES (1, '::1', 1), (2, 'x', 'y');"


def test_the_column_is_named_and_the_others_are_examined_all_the_same() -> None:
    found = findings(TABLE, table("t", "id bigint", "v point", "w bigint"))
    assert [(f.rule, f.column, f.count) for f in found] == [
        ("unsupported-type", "v", 1),
        ("wrong-storage-class", "w", 1),
    ]
    assert "point" in found[0].explanation
    assert found[0].blocks


def test_numeric_without_digits_is_not_carried_even_as_a_key() -> None:
    found = findings(TABLE, table("t", "id bigint", "w numeric", "v text", unique=["w"], refers=[("w", "t.w")]))
    assert [(f.rule, f.column) for f in found] == [("unsupported-type", "w")]


def test_a_generated_column_need_not_be_carried() -> None:
    assert findings(TABLE, table("t", "id bigint", "v point GENERATED", "w text NULL"))[0].column == "w"


def test_a_table_of_nothing_else() -> None:
    check_finds("unsupported-type", "CREATE TABLE t (v text);", table("t", "v point", key=""))
