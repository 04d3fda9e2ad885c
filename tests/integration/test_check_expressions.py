"""CHECK constraints as SQLite is asked about them, against what PostgreSQL says of the same rows."""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from migrate_to_pg.planning import make_plan, read_target
from migrate_to_pg.records import PlannedTable, SourceCatalog, SourceColumn, SourceTable
from migrate_to_pg.rules import sql_functions
from migrate_to_pg.rules.sql_expression import Expression

#: Each is understood.
CHECKS = (
    "CASE WHEN a ~ '^[0-9]{4}-[0-9]{4}$' THEN substring(a, 6, 4)::integer = substring(a, 1, 4)::integer + 1"
    " ELSE false END",
    "a ~ '^[0-9]{4}-[0-9]{4}$'",
    "a ~ '^[a-z]$'",
    "a ~ '^[A-Za-z][0-9]{2}$'",
    "a ~ '^x_y/z:1,@ -[0-9A-Z]{3}$'",
    "substring(a, 2, 3) <> '026'",
    "substring(a, 3) = substring(a, 3, 2)",
    "a::integer < 3000",
    "substring(a, 1, 4)::smallint > 500",
    "substring(a, 6)::bigint - 1 >= n + 2000",
    "CASE WHEN a = '' THEN n IS NULL WHEN a IN ('2026-2027', 'a') THEN n > 0 ELSE n - 1 < 2 END",
    "NOT (CASE WHEN n IS NULL THEN a = 'z' END)",
    "n::double precision > 0.5",
    "n BETWEEN n - 1 AND n + 900000000000000",
)
PIECES = (
    "2026", "-", "2027", "2026-2027", "0", "999", "1999-2000", "a", "z", "A", "é", "e\u0301", "ß", "\U0001f600", "２",
    "٢", "\n", " ", "+", "_", "x_y/z:1,@ -", "0A9", "1_0", "0x1", "[", "*", "?", "^", "9" * 9, "9" * 19, "",
)  # fmt: skip
NUMBERS = (None, 0, 1, 5, -7, 2**31, 2**53 + 1, 2**63 - 1, -(2**63))


def rows() -> Iterator[tuple[str | None, int | None]]:
    chance = random.Random(20)  # noqa: S311 - the same in each run
    yield from ((piece, 1) for piece in PIECES)
    yield from ((f"{year:04}-{year + 1:04}", None) for year in (0, 999, 2026, 9998, 9999))
    yield None, None
    for _ in range(1500):
        yield "".join(chance.choices(PIECES, k=chance.randint(1, 4))), chance.choice(NUMBERS)


@pytest.fixture
def understood(postgres_url: str) -> Iterator[tuple[psycopg.Connection, PlannedTable, list[str]]]:
    """The connection, the table, and each constraint as PostgreSQL prints it."""
    checks = ", ".join(f"CONSTRAINT c{number:02} CHECK ({check})" for number, check in enumerate(CHECKS))
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE t (a varchar, n bigint, {checks})".encode())
        (target,) = read_target(connection, "public")
        columns = [
            SourceColumn(name=name, declared_type="", not_null=False, key_position=0, generated=False) for name in "an"
        ]
        source = SourceTable(name="t", sql="", columns=tuple(columns), foreign_keys=(), rows=0)
        plan = make_plan(SourceCatalog(tables=(source,)), [target], source_time_zone="UTC")
        yield connection, plan.tables[0], [check.expression for check in target.checks]


def told_by_postgresql(connection: psycopg.Connection, expression: str, row: tuple[object, ...]) -> object:
    """True, False or None; "error" where it fails."""
    query = f"SELECT {expression.replace('%', '%%')} FROM (SELECT %s::varchar AS a, %s::bigint AS n) t"
    try:
        (told,) = connection.execute(query.encode(), row).fetchone() or ("nothing",)
    except psycopg.errors.DataError:
        return "error"
    return told


def test_what_sqlite_says_is_what_postgresql_says(
    understood: tuple[psycopg.Connection, PlannedTable, list[str]],
) -> None:
    connection, table, expressions = understood
    with closing(sqlite3.connect(":memory:")) as database:
        sql_functions.register(database, "UTC")
        database.execute("CREATE TABLE t (a varchar, n bigint)")
        for expression in expressions:
            query = f"SELECT {Expression(expression, table).sql} FROM t"
            for row in rows():
                database.execute("DELETE FROM t")
                database.execute("INSERT INTO t VALUES (?, ?)", row)
                (told,) = database.execute(query).fetchone()
                expected = told_by_postgresql(connection, expression, row)
                if expected != "error" and not (told is None and "::" in expression and not is_plain(row[0])):
                    assert (None if told is None else bool(told)) == expected, (expression, row)


#: No ties: 1.005 is what each side rounds in its own way.
NEAR = (
    0,
    0.001,
    0.004,
    0.006,
    -0.001,
    -0.006,
    0.01,
    0.99,
    0.994,
    0.996,
    1,
    1.004,
    1.006,
    1.01,
    -0.99,
    -1,
    -1.01,
    2,
    9999.99,
)


@pytest.mark.parametrize(
    "check", ["d > 0", "d >= 1", "d < 0", "d <= -1", "d <= 1", "d BETWEEN -1 AND 1", "NOT (d > 1)"]
)
def test_a_number_near_the_constant_is_rounded_first(postgres_url: str, check: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection, closing(sqlite3.connect(":memory:")) as database:
        connection.execute(f"CREATE TABLE t (d numeric(6, 2), CHECK ({check}))".encode())
        (target,) = read_target(connection, "public")
        column = SourceColumn(name="d", declared_type="decimal", not_null=False, key_position=0, generated=False)
        source = SourceTable(name="t", sql="", columns=(column,), foreign_keys=(), rows=0)
        (table,) = make_plan(SourceCatalog(tables=(source,)), [target], source_time_zone="UTC").tables
        sql_functions.register(database, "UTC")
        sql = Expression(target.checks[0].expression, table).sql
        database.execute("CREATE TABLE t (d decimal)")
        database.executemany("INSERT INTO t VALUES (?)", [(value,) for value in (*NEAR, None)])
        told = [
            None if row[0] is None else bool(row[0]) for row in database.execute(f"SELECT {sql} FROM t ORDER BY rowid")
        ]
        query = f"SELECT {check} FROM unnest(%s::numeric(6, 2)[]) d".encode()
        assert told == [row[0] for row in connection.execute(query, [[*map(str, NEAR), None]])]


def is_plain(text: str | None) -> bool:
    """Whether a cast to an integer is asked of SQLite: signs, blanks and many digits are left to PostgreSQL."""
    return text is None or re.fullmatch("[0-9]{0,9}|[0-9]{4}-[0-9]{4}", text, re.ASCII) is not None
