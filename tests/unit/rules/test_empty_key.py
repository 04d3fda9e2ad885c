"""Empty text in a key that may be NULL."""

from __future__ import annotations

import pytest

from tests.unit.rules.examined import check_finds, check_healthy, findings, keys, table

PARENT = table("parent", "id bigint", "code text", "mark uuid", unique=["code", "mark"])
MARK = "5c0d5a8fb7b34f7c9a3f3ac7f9e0a4d1"


def script(rows: str) -> str:
    return f"""
        CREATE TABLE parent (id integer PRIMARY KEY, code text UNIQUE, mark char(32) UNIQUE);
        INSERT INTO parent VALUES (1, 'A', '{MARK}');
        CREATE TABLE child (id integer PRIMARY KEY, v);
        INSERT INTO child VALUES {rows};
    """


@pytest.mark.parametrize(
    ("type_sql", "to", "good"), [("bigint", "id", "1"), ("text", "code", "'A'"), ("uuid", "mark", f"'{MARK}'")]
)
def test_it_is_told_whatever_the_key_is(type_sql: str, to: str, good: str) -> None:
    child = table("child", "id bigint", f"v {type_sql} NULL", refers=[("v", f"parent.{to}")])
    finding = check_finds("empty-key", script(f"(1, {good}), (2, ''), (3, NULL), (4, '')"), PARENT, child)
    assert (finding.table, finding.column, finding.count, keys(finding)) == ("child", "v", 2, ["2", "4"])
    assert "and NULL was meant" in finding.explanation
    assert 'SET "v" = NULL' in finding.remedy
    assert finding.blocks


@pytest.mark.parametrize(
    ("type_sql", "to", "rule"),
    [
        ("bigint", "id", "wrong-storage-class"),
        ("text", "code", "foreign-key-orphan"),
        ("uuid", "mark", "invalid-uuid"),
    ],
)
def test_where_null_is_no_way_out_the_values_rule_tells_it(type_sql: str, to: str, rule: str) -> None:
    child = table("child", "id bigint", f"v {type_sql}", refers=[("v", f"parent.{to}")])
    check_finds(rule, script("(2, '')"), PARENT, child)


def test_a_parent_whose_key_is_empty_is_a_parent() -> None:
    child = table("child", "id bigint", "v text NULL", refers=[("v", "parent.code")])
    check_healthy(
        script("(1, '')") + "INSERT INTO parent VALUES (2, '', NULL);".replace("NULL", "hex(zeroblob(16))"),
        PARENT,
        child,
    )


def test_blank_is_not_empty() -> None:
    child = table("child", "id bigint", "v text NULL", refers=[("v", "parent.code")])
    check_finds("foreign-key-orphan", script("(1, ' ')"), PARENT, child)


@pytest.mark.parametrize("bad", ["'5c0d'", "'g' || substr(hex(zeroblob(16)), 2)", "hex(zeroblob(16)) || char(0)"])
def test_other_faults_beside_it_are_told_by_their_own_rule(bad: str) -> None:
    child = table("child", "id bigint", "v uuid NULL", refers=[("v", "parent.mark")])
    found = findings(script(f"(1, ''), (2, {bad}), (3, x'00')"), PARENT, child)
    assert [(f.rule, keys(f)) for f in found] == [
        ("empty-key", ["1"]),
        ("invalid-uuid", ["2"]),
        ("wrong-storage-class", ["3"]),
    ]
