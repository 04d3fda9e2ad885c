"""Constraints that SQLite is certain about, against what PostgreSQL says of the same rows."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

import psycopg
import pytest
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Cast, Substr
from django.db.models.lookups import Exact, LessThan

from migrate_to_pg.planning import make_plan
from migrate_to_pg.records import SourceCatalog, SourceColumn, SourceTable, TargetTable
from migrate_to_pg.rules import sql_functions
from migrate_to_pg.rules.sql_keys import fill_constraint
from migrate_to_pg.sqlite.missing_functions import register_project_functions
from tests.unit.rules.promising import check, table_with


def _when(*whens: When, default: object = None) -> Case:
    return Case(*whens, default=Value(default), output_field=models.BooleanField())


YEAR = Cast(Substr("a", 1, 4), models.IntegerField())
#: SQLite is certain about each.
CONDITIONS = (
    _when(
        When(
            a__regex="^[0-9]{4}-[0-9]{4}$",
            then=Exact(Cast(Substr("a", 6, 4), models.IntegerField()), YEAR + 1),
        ),
        default=False,
    ),
    Q(a__regex="^[0-9]{4}-[0-9]{4}$"),
    Q(a__regex="^[a-z]$"),
    Q(a__regex="^[A-Za-z][0-9]{2}$"),
    Q(a__regex="^x_y/z:1,@ -[0-9A-Z]{3}$"),
    Q(a__startswith="2026"),
    Q(a__contains="é"),
    ~Q(a__endswith="[*"),
    Q(a__contains="_y%"),
    ~Exact(Substr("a", 2, 3), Value("026")) if hasattr(Exact, "__invert__") else ~Q(Exact(Substr("a", 2, 3), "026")),
    Exact(Substr("a", 3), Substr("a", 3, 2)),
    _when(When(a__regex="^[0-9]{4}$", then=LessThan(Cast("a", models.IntegerField()), 3000)), default=True),
    _when(When(a="", then=Q(n__isnull=True)), When(a__in=["2026-2027", "a"], then=Q(n__gt=0)), default=True),
    ~Q(_when(When(n__isnull=True, then=Q(a="z")))),
    Q(n__range=(F("n") - 1, F("n") + 900000000000000)),
    Q(n__gt=5) | ~Q(a="a"),
    Q(n__in=[0, 5, None]) & Q(a__isnull=False),
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


def told_by_sqlite(target: TargetTable, values: Iterable[Sequence[object]]) -> list[list[bool | None]]:
    """What SQLite answers of each row, for each of the constraints."""
    columns = tuple(
        SourceColumn(name=c.name, declared_type="", not_null=False, key_position=0, generated=False)
        for c in target.columns
    )
    source = SourceTable(name="t", sql="", columns=columns, foreign_keys=(), rows=0)
    (table,) = make_plan(SourceCatalog(tables=(source,)), [target], source_time_zone="UTC").tables
    asked = [fill_constraint(table, one.sqlite, local_times=False) for one in target.checks]
    assert all(one and one.certain for one in asked), [
        c for c, one in zip(target.checks, asked, strict=True) if not one
    ]
    with closing(sqlite3.connect(":memory:")) as database:
        register_project_functions(database)
        sql_functions.register(database, "UTC")
        names = [column.name for column in columns if column.name != "id"]
        database.execute(f"CREATE TABLE t ({', '.join(names)})")
        database.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(names))})", values)
        told = [database.execute(f"SELECT {one.condition} FROM t ORDER BY rowid").fetchall() for one in asked if one]
    return [[None if value is None else bool(value) for (value,) in answers] for answers in told]


def told_by_postgresql(connection: psycopg.Connection, expression: str, row: tuple[object, ...]) -> object:
    """True, False or None; "error" where it fails."""
    query = f"SELECT {expression.replace('%', '%%')} FROM (SELECT %s::varchar AS a, %s::bigint AS n) t"
    try:
        (told,) = connection.execute(query.encode(), row).fetchone() or ("nothing",)
    except psycopg.errors.DataError:
        return "error"
    return told


def test_what_sqlite_says_is_what_postgresql_says(postgres_url: str) -> None:
    fields: dict[str, models.Field[Any, Any]] = {
        "a": models.CharField(max_length=200, null=True),
        "n": models.BigIntegerField(null=True),
    }
    made = table_with(*(check(c, f"c{number}") for number, c in enumerate(CONDITIONS)), fields=fields)
    every = list(rows())
    told = told_by_sqlite(made, every)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for one, answers in zip(made.checks, told, strict=True):
            for row, answer in zip(every, answers, strict=True):
                expected = told_by_postgresql(connection, one.expression, row)
                assert expected in ("error", answer), (one.expression, row)


#: No ties: 1.005 is what each side rounds in its own way.
NEAR = (
    0, 0.001, 0.004, 0.006, -0.001, -0.006, 0.01, 0.99, 0.994, 0.996, 1, 1.004, 1.006, 1.01, -0.99, -1, -1.01, 2,
    9999.99,
)  # fmt: skip


@pytest.mark.parametrize(
    "condition",
    [Q(d__gt=0), Q(d__gte=1), Q(d__lt=0), Q(d__lte=-1), Q(d__lte=1), Q(d__range=(-1, 1)), ~Q(d__gt=1)],
)
def test_a_number_near_the_constant_is_rounded_first(postgres_url: str, condition: Q) -> None:
    fields = {"d": models.DecimalField(max_digits=6, decimal_places=2, null=True)}
    made = table_with(check(condition), fields=fields)
    (told,) = told_by_sqlite(made, [(value,) for value in (*NEAR, None)])
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        query = f"SELECT {made.checks[0].expression} FROM unnest(%s::numeric(6, 2)[]) d".encode()
        assert told == [row[0] for row in connection.execute(query, [[*map(str, NEAR), None]])]
