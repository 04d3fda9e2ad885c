"""What SQLite has computed and PostgreSQL's type cannot hold: known without a server, as the server itself judges."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from migrate_to_pg.examine.generated_columns import computed_overflow
from migrate_to_pg.load.copy import CopyContext
from migrate_to_pg.load.find_refused import Trial, try_rows
from migrate_to_pg.records import Refusal
from tests.integration.crossing import Ferry

#: Type of the generated column -> type of what it is computed from, the expression, and what SQLite holds.
COMPUTED: dict[str, tuple[str, str, list[object]]] = {
    "smallint": ("integer", "n * 2", [16383, 16384, -16384, -16385, None]),
    "integer": ("bigint", "n + 1", [2147483646, 2147483647, -2147483649, -2147483650]),
    "bigint": ("double precision", "n", [1, 9e18, 9.3e18, -9.3e18]),
    "numeric(6,1)": ("numeric(20,4)", "n * 2", [5, 49999.97, 49999.98, -50000, 1234567890123]),
    "numeric(5,0)": ("numeric(20,4)", "n", [99999, 99999.4, 99999.5, 1e15]),
    "numeric": ("double precision", "n", [1e300]),
    "character varying(5)": ("text", "n || 'x'", ["abcd", "abcde", "abcd ", "ééééé"]),
    "character varying": ("text", "n", ["a" * 10_000]),
    "text": ("text", "upper(n)", ["a" * 10_000]),
}


@pytest.mark.parametrize("type_sql", COMPUTED)
@pytest.mark.parametrize("kind", ["STORED", "VIRTUAL"])
def test_the_rows_are_those_that_postgresql_refuses(
    tmp_path: Path, each_postgres_url: str, type_sql: str, kind: str
) -> None:
    of, expression, values = COMPUTED[type_sql]
    ferry = Ferry(tmp_path, each_postgres_url)
    ferry.source(f"CREATE TABLE t (id integer PRIMARY KEY, n, v GENERATED ALWAYS AS ({expression}) {kind})")
    ferry.fill("INSERT INTO t (id, n) VALUES (?, ?)", enumerate(values, 1))
    ferry.target(f"CREATE TABLE t (id int PRIMARY KEY, n {of}, v {type_sql} GENERATED ALWAYS AS ({expression}) STORED)")
    plan = ferry.plan()
    with closing(sqlite3.connect(ferry.path)) as database:
        known = tuple(computed_overflow(plan, database))
    trial = Trial(table=plan.tables[0], definitions={})
    context = CopyContext(plan, ferry.path, "ferry", lambda _: None)
    with psycopg.connect(ferry.url, autocommit=True) as connection, context as copy:
        judged = try_rows([trial], copy, connection, ferry.url)
    assert [by_reason(refusal) for refusal in known] == [by_reason(refusal) for refusal in judged]


def by_reason(refusal: Refusal) -> tuple[tuple[str, ...], str, str, list[int]]:
    return refusal.columns, refusal.sqlstate, refusal.reason, list(refusal.rows)


def test_places_are_given_where_a_table_has_no_rowid(tmp_path: Path, postgres_url: str) -> None:
    ferry = Ferry(tmp_path, postgres_url)
    ferry.source("CREATE TABLE t (id text PRIMARY KEY, n integer, v AS (n * 2)) WITHOUT ROWID")
    ferry.fill("INSERT INTO t (id, n) VALUES (?, ?)", [("b", 2_000_000_000), ("a", 1)])
    ferry.target("CREATE TABLE t (id text PRIMARY KEY, n int, v int GENERATED ALWAYS AS (n * 2) STORED)")
    with closing(sqlite3.connect(ferry.path)) as database:
        (refusal,) = computed_overflow(ferry.plan(), database)
    assert list(refusal.rows) == [2]
