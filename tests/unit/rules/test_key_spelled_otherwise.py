"""Keys that PostgreSQL finds and SQLite does not."""

from __future__ import annotations

import pytest

from migrate_to_pg.records import Level
from tests.unit.rules.examined import check_finds, check_healthy, findings, keys, table

DASHED, PLAIN = "00112233-4455-6677-8899-aabbccddeeff", "00112233445566778899aabbccddeeff"
PARENT = table("parent", "id uuid")
CHILD = table("child", "id bigint", "parent_id uuid NULL", refers=[("parent_id", "parent.id")])


def script(parent: str, *children: str) -> str:
    rows = "".join(f"INSERT INTO child (parent_id) VALUES ('{child}');" for child in children)
    return (
        f"CREATE TABLE parent (id char(32) PRIMARY KEY); INSERT INTO parent VALUES ('{parent}');"
        f"CREATE TABLE child (id integer PRIMARY KEY, parent_id char(32) REFERENCES parent (id)); {rows}"
    )


@pytest.mark.parametrize(
    ("parent", "child"),
    [(DASHED, PLAIN), (PLAIN, DASHED), (PLAIN, PLAIN.upper()), (DASHED, DASHED.replace("-", "", 1))],
)
def test_a_uuid_in_two_spellings_is_told_with_its_rows(parent: str, child: str) -> None:
    finding = check_finds("key-spelled-otherwise", script(parent, parent, child, child), PARENT, CHILD)
    assert (finding.level, finding.table, finding.column, finding.count) == (Level.WARNING, "child", "parent_id", 2)
    assert keys(finding) == ["2", "3"]
    assert "PostgreSQL compares the values, and finds the parents." in finding.explanation


def test_one_spelling_is_healthy_whichever_it_is() -> None:
    for spelled in (DASHED, PLAIN, PLAIN.upper()):
        check_healthy(script(spelled, spelled), PARENT, CHILD)


def test_a_key_without_a_parent_is_an_orphan_alone() -> None:
    found = findings(script(DASHED, PLAIN, PLAIN.replace("f", "0")), PARENT, CHILD)
    assert {f.rule: keys(f) for f in found} == {"foreign-key-orphan": ["2"], "key-spelled-otherwise": ["1"]}


def test_a_table_may_refer_to_itself() -> None:
    target = table("node", "id uuid", "parent_id uuid NULL", refers=[("parent_id", "node.id")])
    filled = (
        "CREATE TABLE node (id char(32) PRIMARY KEY, parent_id char(32));"
        f"INSERT INTO node VALUES ('{DASHED}', '{DASHED}'), ('{PLAIN.replace('0', '1')}', '{PLAIN}');"
    )
    assert keys(check_finds("key-spelled-otherwise", filled, target)) == [PLAIN.replace("0", "1")]


@pytest.mark.parametrize(
    ("type_sql", "parent", "child"),
    [("date", "2024-02-09", "2024-2-9"), ("inet", "::1", "0::1"), ("cidr", "10.0.0.1", "10.0.0.1/32")],
)
def test_any_type_that_has_several_spellings(type_sql: str, parent: str, child: str) -> None:
    parents, children = (
        table("parent", f"id {type_sql}"),
        table("child", "id bigint", f"parent_id {type_sql}", refers=[("parent_id", "parent.id")]),
    )
    check_finds("key-spelled-otherwise", script(parent, child), parents, children)
