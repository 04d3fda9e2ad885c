"""Generic foreign keys whose objects are not there."""

from __future__ import annotations

import pytest

from migrate_to_pg.records import Finding, Level
from tests.unit.rules.examined import findings, keys, table, values

TYPES = table("django_content_type", "id bigint", "app_label character varying(100)", "model character varying(100)")
MODELS = {("app", "item"): "item", ("app", "proxy"): "item", ("app", "leaf"): "leaf", ("else", "where"): "elsewhere"}
TAG = table("tag", "id bigint", "kind_id bigint NULL", "row text NULL")


def examined(key: str, declared: str, items: str, tags: str, tag: object = TAG) -> tuple[Finding, ...]:
    script = f"""
        CREATE TABLE django_content_type (id integer PRIMARY KEY, app_label varchar(100), model varchar(100));
        INSERT INTO django_content_type VALUES (1, 'app', 'item'), (2, 'app', 'proxy'), (3, 'app', 'leaf'),
            (4, 'else', 'where'), (5, 'gone', 'thing');
        CREATE TABLE item (id {declared});
        INSERT INTO item VALUES {items};
        CREATE TABLE tag (id integer PRIMARY KEY, kind_id bigint, row);
        INSERT INTO tag VALUES {tags};
    """
    leaf = table("leaf", "id bigint")
    item = table("item", f"id {key}")
    found = findings(script, TYPES, item, leaf, tag, models=MODELS, generic_keys=[("tag", "kind_id", "row")])  # type: ignore[arg-type]
    return tuple(finding for finding in found if finding.rule not in ("content-type-gone", "missing-table"))


@pytest.mark.parametrize(
    ("key", "declared", "item", "there", "lost"),
    [
        ("bigint", "integer PRIMARY KEY", "7", ["'7'", "' 7'", "'+7'", "'007'"], ["'8'", "'x'", "''", "'7.0'", "'7a'"]),
        # Without a declared type SQLite converts nothing of its own accord.
        ("bigint", "", "7", ["'7'", "' 7'", "'+7'", "'007'"], ["'8'", "'x'"]),
        ("text", "text", "'a'", ["'a'"], ["'A'", "'a '", "''"]),
        (
            "uuid",
            "char(32)",
            "'5c0d5a8fb7b34f7c9a3f3ac7f9e0a4d1'",
            [
                "'5c0d5a8f-b7b3-4f7c-9a3f-3ac7f9e0a4d1'",
                "'5C0D5A8FB7B34F7C9A3F3AC7F9E0A4D1'",
                "'{5c0d5a8f-b7b3-4f7c-9a3f-3ac7f9e0a4d1}'",
            ],
            ["'5c0d5a8f'", "hex(zeroblob(16))"],
        ),
    ],
)
def test_the_object_is_looked_for_as_its_key_reads(
    key: str, declared: str, item: str, there: list[str], lost: list[str]
) -> None:
    rows = ", ".join(f"({n}, 1, {value})" for n, value in enumerate([*there, *lost], 1))
    (finding,) = examined(key, declared, f"({item})", rows)
    assert (finding.rule, finding.level, finding.count) == ("generic-foreign-key-orphan", Level.WARNING, len(lost))
    assert finding.column == "kind_id, row"
    first = len(there) + 1
    assert keys(finding) == [str(n) for n in range(first, first + len(lost))][:5]


def test_each_model_is_told_apart() -> None:
    (finding,) = examined("bigint", "integer PRIMARY KEY", "(7)", "(1, 1, '8'), (2, 2, '8'), (3, 2, '7'), (4, 1, '9')")
    assert "app.item (item): 2, app.proxy (item): 1" in finding.explanation
    assert keys(finding) == ["1", "2", "4"]
    assert values(finding)[0] == "1, '8'"


def test_nothing_is_in_a_table_that_sqlite_lacks() -> None:
    (finding,) = examined("bigint", "integer PRIMARY KEY", "(7)", "(1, 3, '1')")
    assert keys(finding) == ["1"]


def test_what_may_be_elsewhere_or_refers_to_nothing_or_to_a_lost_model_is_not_told() -> None:
    rows = "(1, 4, '1'), (2, NULL, '1'), (3, 1, NULL), (4, NULL, NULL), (5, 5, '1')"
    assert examined("bigint", "integer PRIMARY KEY", "(7)", rows) == ()


def test_a_value_of_another_class_is_told_by_its_own_rule() -> None:
    tag = table("tag", "id bigint", "kind_id bigint NULL", "row bigint NULL")
    found = examined("bigint", "integer PRIMARY KEY", "(7)", "(1, 1, 'x'), (2, 1, 8), (3, 1, 7)", tag)
    assert [(f.rule, keys(f)) for f in found] == [
        ("wrong-storage-class", ["1"]),
        ("generic-foreign-key-orphan", ["2"]),
    ]
