"""Booleans that mean something else than what Django reads from them."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.unit.rules.examined import check_finds, check_healthy, findings, keys, table, values
from tests.unit.rules.mended import mended

NULLABLE = table("t", "id bigint", "v boolean NULL")


def script(value: str, declared: str = "bool") -> str:
    return f"CREATE TABLE t (id integer PRIMARY KEY, v {declared}); INSERT INTO t VALUES (4, {value}), (5, NULL);"


@pytest.mark.parametrize(
    ("declared", "value", "shown", "said"),
    [
        ("bool", "2", "integer 2", "Django reads False from them today"),
        ("bool", "-1", "integer -1", "0 (false) and 1 (true)"),
        ("bool", "0.5", "real 0.5", "in a WHERE clause of SQLite, they are true"),
        ("bool", "'true'", "text 'true'", "a word that other programs read as true or false (1)"),
        ("BOOL", "' T '", "text ' T '", "Django reads False"),
        ("bool", "x'3220'", "blob x'3220'", "Django reads False"),
        ("", "'false'", "text 'false'", "any text that is not empty counts as true"),
        ("boolean", "''", "text ''", "the empty text (1)"),
        ("", "x'01'", "blob x'01'", "1 (true)"),
        ("boolean", "2", "integer 2", "the value itself"),
    ],
)
def test_it_is_found_and_what_django_reads_is_told(declared: str, value: str, shown: str, said: str) -> None:
    (finding,) = (f for f in findings(script(value, declared), NULLABLE) if f.rule == "boolean-value")
    assert (finding.table, finding.column, finding.count) == ("t", "v", 1)
    assert (keys(finding), values(finding)) == (["4"], [shown])
    assert said in finding.explanation
    assert finding.blocks
    assert finding.repairable == (1 if value.strip("' ").lower() in ("true", "t", "false") else 0)


@pytest.mark.parametrize("value", ["0", "1", "NULL", "'1'", "1.0"])
def test_what_the_type_holds_is_healthy(value: str) -> None:
    check_healthy(script(value), NULLABLE)


def test_numbers_and_texts_in_one_column_are_one_finding() -> None:
    several = "CREATE TABLE t (id integer PRIMARY KEY, v); INSERT INTO t VALUES (1, 2), (2, 't'), (3, 1), (4, '');"
    finding = check_finds("boolean-value", several, table("t", "id bigint", "v boolean"))
    assert (finding.count, keys(finding)) == (3, ["1", "2", "4"])


def test_what_means_something_else_than_django_reads_is_told_besides() -> None:
    several = (
        "CREATE TABLE t (id integer PRIMARY KEY, v bool);"
        "INSERT INTO t VALUES (1, 'true'), (2, 'false'), (3, ''), (4, 'x'), (5, x'31'), (6, 2), (7, 'on');"
    )
    found = {f.rule: keys(f) for f in findings(several, NULLABLE)}
    assert found == {"boolean-as-read": ["1", "2", "3", "4", "5"], "boolean-value": ["1", "6", "7"]}
    assert {f.rule: f.count for f in findings(several, NULLABLE)} == {"boolean-as-read": 7, "boolean-value": 3}


def test_the_advice_keeps_what_django_reads() -> None:
    filled = script("'true'") + "INSERT INTO t VALUES (1, 2), (2, 'no'), (3, 1), (6, '');"
    finding = next(f for f in findings(filled, NULLABLE) if f.rule == "boolean-value")
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(filled)
        database.execute(finding.remedy.splitlines()[-1])
        assert database.execute("SELECT id, v FROM t").fetchall() == [
            (1, 0), (2, 0), (3, 1), (4, 0), (5, None), (6, ""),
        ]  # fmt: skip


def test_the_meaning_is_put_there_only_where_it_was_named() -> None:
    assert mended(script("'true'"), NULLABLE, fix=["boolean-as-read"]).rows["t"] == [(4, 0), (5, None)]
    both = mended(script("'true'"), NULLABLE, fix=["boolean-as-read", "boolean-value"])
    assert both.rows["t"] == [(4, 1), (5, None)]
    assert mended(script("'true'"), NULLABLE, fix=["boolean-value"]).rows["t"] == [(4, 1), (5, None)]
