"""Floats of JSON that jsonb gives back as integers."""

from __future__ import annotations

import json

import psycopg
import pytest

from migrate_to_pg.records import Level
from migrate_to_pg.rules.sql_functions import json_number
from tests.unit.rules.examined import check_finds, check_healthy, keys, table, values

TARGET = table("t", "id bigint", "v jsonb NULL")


def script(value: str) -> str:
    return f"CREATE TABLE t (id integer PRIMARY KEY, v text); INSERT INTO t VALUES (1, '[1.5]'), (2, '{value}');"


@pytest.mark.parametrize(
    "value", ["1e+23", "[1.5, 1.0E2]", '{"a": {"b": -0.0}}', "-0e5", "1.5e300", "[0e200000, 1e308]"]
)
def test_they_are_named_and_nothing_is_stopped(value: str) -> None:
    finding = check_finds("json-number", script(value), TARGET)
    assert (finding.column, finding.count, finding.level) == ("v", 1, Level.WARNING)
    assert (keys(finding), values(finding)) == (["2"], [f"'{value}'"])


@pytest.mark.parametrize("value", ["1.5e-7", "[0.0, -0.5, -0]", "1.25e1", '"1e5 and -0.0"', "1e5x", "1.0"])
def test_others_are_healthy_or_no_json(value: str) -> None:
    if value == "1e5x":
        check_finds("invalid-json", script(value), TARGET)
    else:
        check_healthy(script(value), TARGET)


@pytest.mark.parametrize(
    "text",
    ["1e16", "1.5e300", "1.0e2", "1.25e1", "1.5e-7", "-0.0", "0.0", "-0e5", "100", "1.0", "12.50e1", "1e-3", "5e0"],
)
def test_it_is_what_postgresql_does(text: str, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        (there,) = connection.execute("SELECT %s::jsonb", [text]).fetchone()  # type: ignore[misc]
    here = json.loads(text)
    assert (repr(there) != repr(here)) == json_number(text.encode())
