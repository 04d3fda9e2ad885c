"""What SQLite cannot take is found on PostgreSQL, by table, column, number and row, before anything is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from psycopg import sql

from migrate_to_pg.move_back.examine import examine, unique_keys
from migrate_to_pg.move_back.quarantine import Quarantine
from migrate_to_pg.planning import exact_decimals, make_plan, read_source, read_target
from migrate_to_pg.records import Finding, Plan
from migrate_to_pg.rules import BACK_RULES
from migrate_to_pg.rules.back.back_rule import NewFileFacts
from tests.conftest import Server
from tests.debian import cluster


class Case(NamedTuple):
    rule: str
    #: Types of the column on both sides, and values of it as SQL.
    there: str
    here: str
    bad: tuple[str, ...]
    good: tuple[str, ...]


CASES = [
    Case(
        "decimal-digits", "numeric", "decimal",
        ("1234567890.1234567", "0.12345678901234567", "-1e-320", "9e305", "12345678901234567"),
        ("123456789012345", "1e300", "0.000000000000001", "12000000000000000000", "0", "NULL"),
    ),
    Case("decimal-digits", "numeric(20,4)", "decimal", ("1234567890123456.5",), ("99999999999.9999",)),
    Case("no-number", "numeric", "decimal", ("'NaN'", "'Infinity'", "'-Infinity'"), ("0",)),
    Case("no-number", "float8", "real", ("'NaN'", "'-0'::float8"), ("'Infinity'", "0", "-1.5", "5e-324")),
    Case("no-number", "float4", "real", ("'NaN'", "'-0'::float4"), ("'-Infinity'", "0.1")),
    Case(
        "date-out-of-range", "date", "date",
        ("'infinity'", "'-infinity'", "'0044-03-15 BC'", "'10000-01-01'"), ("'0001-01-01'", "'9999-12-31'"),
    ),
    Case(
        "date-out-of-range", "timestamptz", "datetime",
        ("'infinity'", "'0001-01-01 00:00+05'", "'9999-12-31 23:00-05'"), ("'0001-01-01 00:00Z'",),
    ),
    Case(
        "date-out-of-range", "timestamp", "datetime", ("'-infinity'", "'10000-01-01'"), ("'9999-12-31 23:59:59'",),
    ),
    Case("date-out-of-range", "time", "time", ("'24:00'",), ("'23:59:59.999999'", "'00:00'")),
    Case(
        "interval-with-months", "interval", "bigint",
        ("'1 month'", "'-2 years'", "'13 months -1 year'", "'200000000 days'"),
        ("'40 days 5 hours'", "'-1 microsecond'", "'12 months -1 year'"),
    ),
    Case("no-sqlite-form", "int4[]", "bigint", ("'{1}'", "'{}'"), ("NULL",)),
    Case("no-sqlite-form", "int4range", "int4range", ("'[1,2)'",), ("NULL",)),
    Case("no-sqlite-form", "mood", "mood", ("'sad'",), ("NULL",)),
    Case("no-sqlite-form", "pair", "blob", ("'(1,2)'",), ("NULL",)),
    Case("no-sqlite-form", "tsvector", "tsvector", ("'a b'", "''"), ("NULL",)),
    Case("no-sqlite-form", "tsquery", "tsquery", ("'a & b'",), ("NULL",)),
    Case("null-on-sqlite", "text", "text NOT NULL", ("NULL",), ("''",)),
]  # fmt: skip


@pytest.fixture(scope="module")
def connection(servers: dict[int, Server]) -> Iterator[psycopg.Connection]:
    url = servers[18].database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TYPE mood AS ENUM ('sad')")
        connection.execute("CREATE TYPE pair AS (a int, b int)")
        yield connection
    servers[18].drop(url)


def planned(connection: psycopg.Connection, path: Path, there: str, here: str) -> tuple[Plan, sqlite3.Connection]:
    """One table on both sides, called t, by the rest of its CREATE TABLE."""
    connection.execute("DROP TABLE IF EXISTS t, child CASCADE")
    connection.execute(sql.SQL(f"CREATE TABLE t ({there})"))
    database = sqlite3.connect(path)
    database.execute(f"CREATE TABLE t ({here})")
    return make_plan(read_source(path), read_target(connection, "public"), source_time_zone="UTC"), database


def found(
    connection: psycopg.Connection, plan: Plan, zone: str = "UTC", longest: int = 10**9, **facts: object
) -> list[Finding]:
    given = NewFileFacts(zone=zone, longest=longest, **facts)  # type: ignore[arg-type]
    quarantine = Quarantine(connection, plan, "public")
    return list(examine(quarantine, connection, plan.tables, given, schema="public").findings)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule} {case.there}")
def test_each_value_that_sqlite_cannot_take_is_found(
    connection: psycopg.Connection, tmp_path: Path, case: Case
) -> None:
    plan, database = planned(
        connection,
        tmp_path / "new.sqlite3",
        f"id int PRIMARY KEY, v {case.there}",
        f"id integer PRIMARY KEY, v {case.here}",
    )
    database.close()
    for number, value in enumerate([*case.bad, *case.good]):
        connection.execute(sql.SQL(f"INSERT INTO t VALUES ({number}, {value})"))
    (finding,) = found(connection, plan)
    assert (finding.rule, finding.table, finding.column, finding.count) == (case.rule, "t", "v", len(case.bad))
    assert [sample.key["id"] for sample in finding.samples] == [str(n) for n in range(len(case.bad))]
    assert finding.blocks
    assert finding.quarantinable


@pytest.mark.full
def test_values_of_hstore_are_found_but_where_the_field_is_text_on_sqlite(tmp_path: Path) -> None:
    """The embedded server does not have hstore. Django's field declares it on each kind of database."""
    with cluster() as folder, psycopg.connect(host=str(folder), user="postgres", autocommit=True) as connection:
        connection.execute("CREATE EXTENSION hstore")
        for here, rules in (("hstore", ["no-sqlite-form"]), ("text", [])):
            there = "id int PRIMARY KEY, v hstore"
            path = tmp_path / f"{here}.sqlite3"
            plan, database = planned(connection, path, there, f"id integer PRIMARY KEY, v {here}")
            database.close()
            connection.execute("INSERT INTO t VALUES (1, 'a=>1, b=>NULL'), (2, NULL)")
            findings = found(connection, plan)
            assert [finding.rule for finding in findings] == rules
            assert [sample.key for finding in findings for sample in finding.samples] == [{"id": "1"}] * len(rules)


def test_whole_numbers_may_be_long_where_django_reads_all_their_digits(
    connection: psycopg.Connection, tmp_path: Path
) -> None:
    plan, database = planned(
        connection, tmp_path / "new.sqlite3", "id int PRIMARY KEY, v numeric(25,0)", "id integer PRIMARY KEY, v decimal"
    )
    database.close()
    connection.execute("INSERT INTO t VALUES (1, 1234567890123456789), (2, 1234567890123456789012345)")
    assert [finding.count for finding in found(connection, plan)] == [2]
    exact = make_plan(
        read_source(tmp_path / "new.sqlite3"),
        map(exact_decimals, read_target(connection, "public")),
        source_time_zone="UTC",
    )
    assert [(finding.count, finding.samples[0].key["id"]) for finding in found(connection, exact)] == [(1, "2")]


def test_keys_that_nocase_takes_for_one_are_found(connection: psycopg.Connection, tmp_path: Path) -> None:
    plan, database = planned(
        connection,
        tmp_path / "new.sqlite3",
        "id int PRIMARY KEY, v text, w int, UNIQUE (v, w)",
        "id integer PRIMARY KEY, v text COLLATE NOCASE, w int, UNIQUE (v, w)",
    )
    # SQLite folds the letters of ASCII alone.
    connection.execute("INSERT INTO t VALUES (1,'Ab',1), (2,'aB',1), (3,'ab',2), (4,'É',1), (5,'é',1), (6,'AB',NULL)")
    with closing(database):
        (finding,) = found(connection, plan, keys=unique_keys(database))
    assert (finding.rule, finding.column, finding.count) == ("one-key-on-sqlite", "v, w", 1)
    assert finding.samples[0].key == {"id": "2"}


def test_the_second_of_two_equal_local_hours_is_found(connection: psycopg.Connection, tmp_path: Path) -> None:
    plan, database = planned(
        connection, tmp_path / "new.sqlite3", "id int PRIMARY KEY, v timestamptz", "id integer PRIMARY KEY, v datetime"
    )
    database.close()
    connection.execute("INSERT INTO t VALUES (1, '2025-10-26 00:30Z'), (2, '2025-10-26 01:30Z'), (3, '2025-07-01Z')")
    (finding,) = found(connection, plan, zone="Europe/Paris")
    assert (finding.rule, finding.samples[0].key) == ("second-local-hour", {"id": "2"})
    assert found(connection, plan) == []


def test_a_row_after_whose_id_sqlite_gives_none_is_found(connection: psycopg.Connection, tmp_path: Path) -> None:
    identity = "bigint PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY"
    here = "id integer PRIMARY KEY AUTOINCREMENT, v bigint"
    plan, database = planned(connection, tmp_path / "new.sqlite3", f"id {identity}, v bigint", here)
    last = 2**63 - 1
    connection.execute(sql.SQL(f"INSERT INTO t VALUES ({last}, 1), ({last - 1}, {last})"))
    (finding,) = found(connection, plan)
    assert (finding.rule, finding.column, finding.samples[0].key) == ("last-sqlite-id", "id", {"id": str(last)})
    with closing(database):
        database.execute("INSERT INTO t VALUES (?, 1)", [last - 1])
        database.execute("INSERT INTO t (v) VALUES (2)")
        with pytest.raises(sqlite3.OperationalError, match="full"):
            database.execute("INSERT INTO t (v) VALUES (3)")


def test_rows_too_long_and_columns_that_sqlite_lacks_are_found(connection: psycopg.Connection, tmp_path: Path) -> None:
    plan, database = planned(
        connection, tmp_path / "new.sqlite3", "id int PRIMARY KEY, v text, x int", "id integer PRIMARY KEY, v text"
    )
    database.close()
    connection.execute("INSERT INTO t VALUES (1, repeat('é', 400), NULL), (2, repeat('é', 600), NULL), (3, '', 5)")
    findings = found(connection, plan, longest=1000, large=frozenset({"t"}))
    assert [(f.rule, f.column, f.count) for f in findings] == [
        ("column-not-on-sqlite", "x", 1),
        ("row-too-large", "", 1),
    ]


def test_every_rule_of_the_way_back_is_tried_here() -> None:
    others = {"one-key-on-sqlite", "second-local-hour", "row-too-large", "last-sqlite-id", "column-not-on-sqlite"}
    assert {rule.id for rule in BACK_RULES} == {case.rule for case in CASES} | others
