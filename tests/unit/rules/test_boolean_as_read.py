"""Booleans that are neither 0 nor 1, and that Django reads all the same."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from typing import Any

import django.db.backends.sqlite3.base  # noqa: F401 - it registers Django's converters
import pytest

from tests.unit.rules.examined import check_finds, table
from tests.unit.rules.mended import STANDS, filled, mended

NULLABLE = table("t", "id bigint", "v boolean NULL")


@pytest.mark.parametrize("value", ["false", "No", "f", " OFF", "x", "\udcff", b"0", b"\xff", b"1", "", b""])
def test_what_django_reads_is_put_in_its_place(value: Any) -> None:
    """Django's own converter says what that is."""
    with closing(sqlite3.connect(":memory:", detect_types=sqlite3.PARSE_DECLTYPES)) as database:
        filled("bool", value, database)
        ((read,),) = database.execute("SELECT v FROM t").fetchall()
    done = mended(partial(filled, "bool", value), NULLABLE, fix=["boolean-as-read"])
    assert done.rows["t"] == [(1, None if read is None else int(read))]
    assert done.applied == [("boolean-as-read", "t", "v")]


@pytest.mark.parametrize(
    ("value", "new"), [(1.0, 1), (0.0, 0), (-0.0, 0), (0.5, STANDS), ("0", STANDS), ("", STANDS), (b"1", STANDS)]
)
def test_without_its_type_django_reads_the_numbers_alone(value: Any, new: Any) -> None:
    done = mended(partial(filled, "", value), NULLABLE, fix=["boolean-as-read"])
    assert done.rows["t"] == [(1, value if new is STANDS else new)]


def test_a_column_that_may_not_be_null_keeps_its_empty_texts() -> None:
    done = mended(partial(filled, "bool", ""), table("t", "id bigint", "v boolean"), fix=["boolean-as-read"])
    assert done.remaining == [("boolean-value", "t", "v", 1)]


def test_it_tells_what_django_reads() -> None:
    script = "CREATE TABLE t (id integer PRIMARY KEY, v bool); INSERT INTO t VALUES (1, 'no'), (2, '');"
    finding = check_finds("boolean-as-read", script, NULLABLE)
    assert finding.repair == "lossless"
    assert (
        "Django reads True from 1 alone, None from the empty text, and False from any other value."
        in finding.explanation
    )
    assert "a word that other programs read as true or false (1)" in finding.explanation
