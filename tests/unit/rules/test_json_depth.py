"""JSON that is too deep for Python, for one SQLite, or for both."""

from __future__ import annotations

import json
import sqlite3
from functools import partial

import pytest

from migrate_to_pg.records import Level
from migrate_to_pg.rules.sql_functions import json_depth, json_fault, json_number
from tests.unit.rules.examined import check_finds, check_healthy, findings, keys, table

TARGET = table("t", "id bigint", "v jsonb NULL")


def nested(levels: int, inner: str = "1", kind: str = "[") -> str:
    opening, closing = ("[", "]") if kind == "[" else ('{"a": ', "}")
    return opening * levels + inner + closing * levels


def filled(documents: list[str], database: sqlite3.Connection) -> None:
    database.execute("CREATE TABLE t (id integer PRIMARY KEY, v text)")
    database.executemany("INSERT INTO t (v) VALUES (?)", [[document] for document in documents])


@pytest.mark.parametrize("kind", ["[", "{"])
def test_what_python_cannot_read_is_a_warning_with_its_key(kind: str) -> None:
    document = nested(1000, kind=kind)
    try:
        json.loads(document)
    except RecursionError:
        finding = check_finds("json-depth", partial(filled, ["[]", document]), TARGET)
        assert (finding.level, finding.count, keys(finding)) == (Level.WARNING, 1, ["2"])
        assert "RecursionError" in finding.explanation
    else:
        check_healthy(partial(filled, ["[]", document]), TARGET)


@pytest.mark.parametrize("kind", ["[", "{"])
@pytest.mark.parametrize("levels", [1001, 1900, 2100, 20_000])
def test_what_the_driver_finds_invalid_is_an_error_with_its_key(levels: int, kind: str) -> None:
    """Python's own SQLite may find it valid."""
    script = partial(filled, ["[]", nested(levels, kind=kind), "[1]"])
    (finding,) = [f for f in findings(script, TARGET) if f.level is Level.ERROR]
    assert (finding.rule, finding.count, keys(finding), finding.quarantinable) == ("invalid-json", 1, ["2"], True)
    assert "nested deeper than 1,000 levels (1)" in finding.explanation


@pytest.mark.parametrize("levels", [10, 900, 1000])
@pytest.mark.parametrize(
    ("inner", "fault"),
    [(r'"\u0000"', "nul"), (r'"\ud800"', "surrogate"), ("1e999", "number"), (r'{"\u0000": 1, "a": 2}', "nul")],
)
def test_faults_are_found_however_deep(levels: int, inner: str, fault: str) -> None:
    assert json_fault(nested(levels, inner).encode()) == fault
    assert json_fault(nested(levels, inner, "{").encode()) == fault
    found = findings(partial(filled, [nested(levels - 1, inner)]), TARGET)
    assert ("json-escape", ["1"]) in [(f.rule, keys(f)) for f in found]


def test_numbers_are_seen_however_deep() -> None:
    assert json_number(nested(1000, "-0.0").encode())
    assert not json_number(nested(1000, "1.5").encode())


@pytest.mark.parametrize(
    ("text", "depth"), [("1", 0), ("[]", 1), ('["[[", {"a]": [1]}]', 3), (r'["\"[", "\\"]', 1), ("[[", 2), ("]", 0)]
)
def test_the_depth_is_that_of_brackets_outside_of_texts(text: str, depth: int) -> None:
    assert json_depth(text.encode()) == depth
