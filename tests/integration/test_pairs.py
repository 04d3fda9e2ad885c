"""Every pair of what SQLite can hold and a type of PostgreSQL's: carried whole, or named; never silently less."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from migrate_to_pg.codecs import CODECS
from migrate_to_pg.codecs.text_types import SENT_AS_TEXT
from migrate_to_pg.load.copy import CopyContext
from migrate_to_pg.load.find_refused import Trial, try_rows
from migrate_to_pg.records import Verify
from migrate_to_pg.rules import RULES, ValueRule
from migrate_to_pg.verify import verify_tables
from tests.integration.crossing import Ferry, marks
from tests.tiers import first_in_ci

each_version = pytest.mark.parametrize(
    "shared_url", first_in_ci(18, 16), indirect=True, scope="module", ids=lambda version: f"pg{version}"
)

#: What SQLite can hold: each storage class, and texts that some type reads in a way of its own.
VALUES: tuple[Any, ...] = (
    0, 1, 70_000, 1_234_567, 10**14 + 1, 1.5, 0.1 + 0.2, 1e300, b"\x00\xff", b"text",
    "", " ", "a", "ab  ", r"a\b", "é" * 40, "12.345", "1.005", "x'1F'", "101", "1010",
    "2024-01-02", "2024-01-02 03:04:05.678901", "[2024-01-02,2024-01-03)", "2024-01-02 03:04:05+02:00",
    "03:04:05.678901", "now", "1 day 1 minute",
    "{1,2}", '{"a\\b"}', "{1.005}", "[1,5)", "(1,2)", "{0.1000000000000000055}", "{1,-1,0}", "[(0,0),(1,1)]",
    "<(0,0),1>", "(2,2),(1,1)",
    "10.0.0.1", "10.0.0.1/8", "08-00-2B-01-02-03", "08-00-2B-01-02-03-04-05", "0123456789abcdef0123456789abcdef",
    '{"a": 1, "a": 2}', '{"b": 1,  "a": 2}', "<?xml version='1.0'?><a/>", "<a/>", "Running the cats, running",
    "'a':1", "a & b",
    "$1,234.56", "-0.001",
)  # fmt: skip


def carried(ferry: Ferry, type_sql: str) -> dict[Any, str]:
    """What arrives, as PostgreSQL writes it, by what SQLite holds; all else is marked, a finding, or refused."""
    ferry.target(
        "CREATE TYPE mood AS ENUM ('a', '101'); CREATE DOMAIN short AS varchar(2);"
        "CREATE DOMAIN cents AS numeric(4,2); CREATE DOMAIN outer_one AS cents"
    )
    ferry.column(type_sql, *VALUES)
    plan = ferry.plan()
    batches = ferry.batches()
    kept = {number for number, mark in enumerate(marks(batches), 1) if not mark}
    for batch in batches:
        for rule in RULES:
            mask = rule.mask(batch.columns[-1]) if isinstance(rule, ValueRule) else None
            kept -= {row for row, bad in enumerate(mask.to_pylist() if mask is not None else (), 1) if bad}
    context = CopyContext(plan, ferry.path, "ferry", lambda _: None)
    with psycopg.connect(ferry.url, autocommit=True) as connection, context as copy:
        refused = try_rows([Trial(table=plan.tables[0], definitions={})], copy, connection, ferry.url)
    kept -= {row for refusal in refused for row in refusal.rows}
    ferry.fill("DELETE FROM t WHERE id = ?", ([n] for n in range(1, len(VALUES) + 1) if n not in kept))
    ferry.load()
    verification = verify_tables(
        ferry.plan(), ferry.path, ferry.url, schema="ferry", verify=Verify.CELLS, progress=lambda _: None
    )
    assert [s for t in verification.tables for s in t.samples] == []
    return {VALUES[n - 1]: text for n, text in ferry.rows("SELECT id, v::text FROM t ORDER BY id")}


#: All short texts are themselves there.
SAME = {value: value for value in VALUES if isinstance(value, str)}
#: PostgreSQL's type -> what is carried, as PostgreSQL writes it. Of all else no value arrives: it has a finding.
CARRIED: dict[str, dict[Any, str]] = {
    "text": SAME,
    "name": {value: text for value, text in SAME.items() if len(text.encode()) < 64},
    "varchar(3)": {"": "", " ": " ", "a": "a", "a\\b": "a\\b", "101": "101", "now": "now"},
    "char(3)": {"a\\b": "a\\b", "101": "101", "now": "now"},
    '"char"': {" ": " ", "a": "a"},
    "bytea": {b"\x00\xff": "\\x00ff", b"text": "\\x74657874"},
    "boolean": {0: "false", 1: "true"},
    "smallint": {0: "0", 1: "1"},
    "integer": {0: "0", 1: "1", 70000: "70000", 1234567: "1234567"},
    "bigint": {0: "0", 1: "1", 70000: "70000", 1234567: "1234567", 100000000000001: "100000000000001"},
    "real": {0: "0", 1: "1", 70000: "70000", 1234567: "1.234567e+06", 1.5: "1.5"},
    "double precision": {
        0: "0",
        1: "1",
        70000: "70000",
        1234567: "1234567",
        100000000000001: "100000000000001",
        1.5: "1.5",
        0.30000000000000004: "0.30000000000000004",
        1e300: "1e+300",
    },
    "numeric": {
        0: "0",
        1: "1",
        70000: "70000",
        1234567: "1234567",
        100000000000001: "100000000000001",
        1.5: "1.5",
        0.30000000000000004: "0.300000000000000",
        1e300: "1" + "0" * 300,
    },
    "numeric(4,2)": {0: "0.00", 1: "1.00", 1.5: "1.50", 0.30000000000000004: "0.30"},
    "date": {"2024-01-02": "2024-01-02"},
    "time": {"12.345": "12:00:00.345", "1010": "10:10:00", "03:04:05.678901": "03:04:05.678901"},
    "time(3)": {"12.345": "12:00:00.345", "1010": "10:10:00"},
    "timestamp": {
        "2024-01-02": "2024-01-02 00:00:00",
        "2024-01-02 03:04:05.678901": "2024-01-02 03:04:05.678901",
        "2024-01-02 03:04:05+02:00": "2024-01-02 01:04:05",
    },
    "timestamp(0)": {"2024-01-02": "2024-01-02 00:00:00", "2024-01-02 03:04:05+02:00": "2024-01-02 01:04:05"},
    "timestamptz": {
        "2024-01-02": "2024-01-02 00:00:00+00",
        "2024-01-02 03:04:05.678901": "2024-01-02 03:04:05.678901+00",
        "2024-01-02 03:04:05+02:00": "2024-01-02 01:04:05+00",
    },
    "timestamptz(3)": {"2024-01-02": "2024-01-02 00:00:00+00", "2024-01-02 03:04:05+02:00": "2024-01-02 01:04:05+00"},
    "timetz": {"1010": "10:10:00+00", "03:04:05.678901": "03:04:05.678901+00"},
    "interval": {
        0: "00:00:00",
        1: "00:00:00.000001",
        70000: "00:00:00.07",
        1234567: "00:00:01.234567",
        100000000000001: "27777:46:40.000001",
    },
    "interval(0)": {0: "00:00:00"},
    "interval hour to minute": {0: "00:00:00"},
    "interval day": {0: "00:00:00"},
    "uuid": {"0123456789abcdef0123456789abcdef": "01234567-89ab-cdef-0123-456789abcdef"},
    "json": {
        "12.345": "12.345",
        "1.005": "1.005",
        "101": "101",
        "1010": "1010",
        '{"a": 1, "a": 2}': '{"a": 1, "a": 2}',
        '{"b": 1,  "a": 2}': '{"b": 1,  "a": 2}',
        "-0.001": "-0.001",
    },
    "jsonb": {
        "12.345": "12.345",
        "1.005": "1.005",
        "101": "101",
        "1010": "1010",
        '{"a": 1, "a": 2}': '{"a": 2}',
        '{"b": 1,  "a": 2}': '{"a": 2, "b": 1}',
        "-0.001": "-0.001",
    },
    "inet": {"10.0.0.1": "10.0.0.1/32", "10.0.0.1/8": "10.0.0.1/8"},
    "cidr": {"10.0.0.1": "10.0.0.1/32"},
    "macaddr": {"08-00-2B-01-02-03": "08:00:2b:01:02:03"},
    "macaddr8": {"08-00-2B-01-02-03-04-05": "08:00:2b:01:02:03:04:05"},
    "bit(3)": {"101": "101"},
    "bit varying": {"": "", "101": "101", "1010": "1010"},
    "money": {"101": "$101.00", "1010": "$1,010.00", "$1,234.56": "$1,234.56"},
    "tsvector": {"": "", "'a':1": "'a':1"},
    "tsquery": {
        "": "",
        " ": "",
        "a": "'a'",
        "ab  ": "'ab'",
        "éééééééééééééééééééééééééééééééééééééééé": "'éééééééééééééééééééééééééééééééééééééééé'",
        "12.345": "'12.345'",
        "1.005": "'1.005'",
        "x'1F'": "'x''1F'''",
        "101": "'101'",
        "1010": "'1010'",
        "2024-01-02": "'2024-01-02'",
        "now": "'now'",
        "{1,2}": "'{1,2}'",
        "{1.005}": "'{1.005}'",
        "(1,2)": "'1,2'",
        "{0.1000000000000000055}": "'{0.1000000000000000055}'",
        "{1,-1,0}": "'{1,-1,0}'",
        "10.0.0.1": "'10.0.0.1'",
        "10.0.0.1/8": "'10.0.0.1/8'",
        "08-00-2B-01-02-03": "'08-00-2B-01-02-03'",
        "08-00-2B-01-02-03-04-05": "'08-00-2B-01-02-03-04-05'",
        "0123456789abcdef0123456789abcdef": "'0123456789abcdef0123456789abcdef'",
        "a & b": "'a' & 'b'",
        "$1,234.56": "'$1,234.56'",
        "-0.001": "'-0.001'",
    },
    "point": {"(1,2)": "(1,2)"},
    "line": {"{1,-1,0}": "{1,-1,0}"},
    "lseg": {"[(0,0),(1,1)]": "[(0,0),(1,1)]", "(2,2),(1,1)": "[(2,2),(1,1)]"},
    "box": {"(2,2),(1,1)": "(2,2),(1,1)"},
    "path": {"[1,5)": "[(1,5)]", "(1,2)": "((1,2))", "[(0,0),(1,1)]": "[(0,0),(1,1)]", "(2,2),(1,1)": "((2,2),(1,1))"},
    "polygon": {"(1,2)": "((1,2))", "(2,2),(1,1)": "((2,2),(1,1))"},
    "circle": {"<(0,0),1>": "<(0,0),1>"},
    "jsonpath": {"12.345": "12.345", "1.005": "1.005", "101": "101", "1010": "1010", "-0.001": "-0.001"},
    "mood": {"a": "a", "101": "101"},
    "short": {"": "", " ": " ", "a": "a"},
    "cents": {0: "0.00", 1: "1.00", 1.5: "1.50", 0.30000000000000004: "0.30"},
    "outer_one": {0: "0.00", 1: "1.00", 1.5: "1.50", 0.30000000000000004: "0.30"},
    "mood[]": {},
    "cents[]": {"{1,2}": "{1.00,2.00}", "{1,-1,0}": "{1.00,-1.00,0.00}"},
    "outer_one[]": {"{1,2}": "{1.00,2.00}", "{1,-1,0}": "{1.00,-1.00,0.00}"},
    "text[]": {
        "{1,2}": "{1,2}",
        "{1.005}": "{1.005}",
        "{0.1000000000000000055}": "{0.1000000000000000055}",
        "{1,-1,0}": "{1,-1,0}",
    },
    "varchar(3)[]": {"{1,2}": "{1,2}", "{1,-1,0}": "{1,-1,0}"},
    "integer[]": {"{1,2}": "{1,2}", "{1,-1,0}": "{1,-1,0}"},
    "numeric[]": {
        "{1,2}": "{1,2}",
        "{1.005}": "{1.005}",
        "{0.1000000000000000055}": "{0.1000000000000000055}",
        "{1,-1,0}": "{1,-1,0}",
    },
    "numeric(4,2)[]": {"{1,2}": "{1.00,2.00}", "{1,-1,0}": "{1.00,-1.00,0.00}"},
    "double precision[]": {"{1,2}": "{1,2}", "{1.005}": "{1.005}", "{1,-1,0}": "{1,-1,0}"},
    "real[]": {"{1,2}": "{1,2}", "{1.005}": "{1.005}", "{1,-1,0}": "{1,-1,0}"},
    "money[]": {"{1,2}": "{$1.00,$2.00}", "{1,-1,0}": "{$1.00,-$1.00,$0.00}"},
    "timestamp(0)[]": {},
    "name[]": {
        "{1,2}": "{1,2}",
        "{1.005}": "{1.005}",
        "{0.1000000000000000055}": "{0.1000000000000000055}",
        "{1,-1,0}": "{1,-1,0}",
    },
    "jsonb[]": {
        "{1,2}": "{1,2}",
        "{1.005}": "{1.005}",
        "{0.1000000000000000055}": "{0.1000000000000000055}",
        "{1,-1,0}": "{1,-1,0}",
    },
    "int4range": {"[1,5)": "[1,5)"},
    "numrange": {"[1,5)": "[1,5)", "(1,2)": "(1,2)"},
    "daterange": {"[2024-01-02,2024-01-03)": "[2024-01-02,2024-01-03)"},
    "tsrange": {"[2024-01-02,2024-01-03)": '["2024-01-02 00:00:00","2024-01-03 00:00:00")'},
    "int4multirange": {},
}


@each_version
@pytest.mark.parametrize("type_sql", CARRIED)
def test_each_value_is_carried_whole_or_has_a_finding(ferry: Ferry, type_sql: str) -> None:
    assert carried(ferry, type_sql) == CARRIED[type_sql]


def test_every_type_of_the_table_is_tried() -> None:
    """Those of extensions elsewhere."""
    with_server = {"hstore", "ltree", "citext", "cube", "vector", "enum", "xml"}
    names = {"varchar(3)": "varchar", "char(3)": "bpchar", '"char"': "char", "boolean": "bool", "smallint": "int2"}
    names |= {"integer": "int4", "bigint": "int8", "real": "float4", "double precision": "float8"}
    names |= {"bit(3)": "bit", "bit varying": "varbit"}
    tried = {names.get(type_sql, type_sql) for type_sql in CARRIED}
    assert {*SENT_AS_TEXT, *CODECS} - tried == with_server
