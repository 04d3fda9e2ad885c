"""Faults of types and names that PostgreSQL alone can judge, or that two rules share."""

from __future__ import annotations

import sys

from tests.corpus import Case, Found, value_case

_UUID = "00112233445566778899aabbccddeeff"
_DASHED = "00112233-4455-6677-8899-aabbccddeeff"
_STAMP = "'2024-01-31 10:00:00'"
_LONG = "t" * 69


def _deep(levels: int) -> str:
    """So many arrays within one another, as SQL."""
    many = "replace(hex(zeroblob(500)), '0', '{}')"
    return f"substr({many.format('[')}, 1, {levels}) || substr({many.format(']')}, 1, {levels})"


def _cut(name: str, target: str, source: str, found: Found) -> Case:
    return Case(name=name, target=target, source=source, finds=(found,))


def _keys(name: str, parent: str, child: str) -> Case:
    return Case(
        name=name,
        target="CREATE TABLE p (id uuid PRIMARY KEY); CREATE TABLE c (id bigint PRIMARY KEY, p_id uuid REFERENCES p)",
        source="CREATE TABLE p (id char(32) NOT NULL PRIMARY KEY);"
        " CREATE TABLE c (id integer NOT NULL PRIMARY KEY, p_id char(32) NULL REFERENCES p (id));"
        f" INSERT INTO p VALUES ('{parent}'); INSERT INTO c VALUES (1, '{child}'), (2, '{parent}');",
        finds=(Found("key-spelled-otherwise", "c", "p_id", 1, ("1",)),),
        blocked=False,
    )


def _typed(name: str, rule: str, definition: str, pg: str, bad: str, good: str) -> Case:
    case = value_case(name, rule, pg, "text", {1: bad}, good)
    return Case(name=name, target=f"{definition} {case.target}", source=case.source, finds=case.finds)


def _index(name: str, more: str, declared: str) -> Case:
    return Case(
        name=name,
        target=f"CREATE TABLE t (id bigint PRIMARY KEY, v tsvector{more})",
        source=f"CREATE TABLE t (id integer NOT NULL PRIMARY KEY, v {declared});"
        " INSERT INTO t VALUES (1, 'a b'), (2, 'b');",
        finds=(Found("derived-column", "t", "v", 2),),
        blocked=False,
    )


#: Python 3.12 and later read whatever SQLite takes.
DEEP = (
    []
    if sys.version_info >= (3, 12)
    else [
        value_case("arrays too deep for Python", "json-depth", "jsonb", "text", {1: _deep(999)}, "'[]'", blocked=False),
        value_case("text too deep for Python", "json-depth", "json", "text", {1: _deep(998)}, "'[]'", blocked=False),
    ]
)

CASES = [
    value_case(
        "char shorter than its width", "padded-text", "char(5)", "char(5)", {1: "'ab'"}, "'abcde'", blocked=False
    ),
    value_case("JSON in a blob", "text-as-blob", "jsonb", "text", {1: "x'7b7d'"}, "'[]'"),
    value_case("date in a blob", "text-as-blob", "date", "date", {1: "x'323032342d30312d3331'"}, "'2024-01-31'"),
    value_case(
        "microseconds in timestamp(0)",
        "precision-lost",
        "timestamp(0)",
        "datetime",
        {1: "'2024-01-31 10:00:00.5'"},
        _STAMP,
    ),
    value_case("microseconds in time(3)", "precision-lost", "time(3)", "time", {1: "'10:00:00.123456'"}, "'10:00:00'"),
    *DEEP,
    _typed("composite type", "unknown-type", "CREATE TYPE pair AS (a integer, b integer);", "pair", "'(1,2)'", "NULL"),
    _typed(
        "array of a composite type",
        "unknown-type",
        "CREATE TYPE pair AS (a integer, b integer);",
        "pair[]",
        "'{\"(1,2)\"}'",
        "NULL",
    ),
    _typed(
        "domain that refuses",
        "refused-row",
        "CREATE DOMAIN even AS integer CHECK (VALUE % 2 = 0);",
        "even[]",
        "'{1}'",
        "'{2}'",
    ),
    _typed("range upside down", "refused-row", "", "int4range", "'[3,1)'", "'[1,3)'"),
    _index("search index as text", "", "text"),
    _index("search index that takes no NULL", " NOT NULL", "text"),
    _cut(
        "tables that are cut alike",
        f"CREATE TABLE {_LONG[:63]} (id bigint PRIMARY KEY)",
        f"CREATE TABLE {_LONG}_a (id integer PRIMARY KEY); CREATE TABLE {_LONG}_b (id integer PRIMARY KEY);",
        Found("ambiguous-name", _LONG[:63], "", 2),
    ),
    _cut(
        "columns that are cut alike",
        f"CREATE TABLE t (id bigint PRIMARY KEY, {_LONG[:63]} integer)",
        f"CREATE TABLE t (id integer PRIMARY KEY, {_LONG}_a integer, {_LONG}_b integer);",
        Found("ambiguous-name", "t", _LONG[:63], 2),
    ),
    _keys("child without dashes", _DASHED, _UUID),
    _keys("child with dashes", _UUID, _DASHED),
]
