"""A source of chance and a database of PostgreSQL in; what an application may have written there out, and its way back.

What came back is judged by the same oracle. A table of types that the application's models do not have is compared
here, with psycopg, sqlite3 and the standard library alone.
"""

from __future__ import annotations

import json
import random
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.fuzz import values

#: Types of PostgreSQL, and values of each: usual ones, edges, and those that SQLite does not take.
TYPES: dict[str, tuple[str, ...]] = {
    "numeric": ("0", "1.50", "-0.00", "12345678901234.5", "1234567890123456.7", "NaN", "1e40", "1e-40", "0.1", "1e400"),
    "float8": ("0", "-0", "0.1", "1e308", "5e-324", "Infinity", "-Infinity", "NaN", "123456789012345680"),
    "float4": ("0", "0.1", "3.4e38", "1e-45", "-Infinity", "16777217"),
    "date": ("0001-01-01", "9999-12-31", "infinity", "0044-03-15 BC", "2024-02-29", "10000-01-01"),
    "timestamp": ("0001-01-01", "9999-12-31 23:59:59.999999", "-infinity", "2024-01-31 12:00:00.5", "2024-03-31 02:30"),
    "timestamptz": ("2024-10-27 02:30+02", "0001-01-01 00:00+14", "infinity", "2024-01-31 12:00:00.000001Z", "epoch"),
    "time": ("00:00", "24:00", "23:59:59.999999", "12:00:00.5"),
    "interval": ("0", "1 microsecond", "-1 day 2 hours", "1 month", "13 months -1 year -30 days", "106751991 days"),
    "uuid": ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "00000000-0000-0000-0000-000000000000"),
    "bytea": ("", "\\x00", "\\xff00", "\\x" + "61" * 3000),
    "json": ("null", '{"a": 1, "a": 2}', "[1e400]", "1e2", '"\\u00e9"', "[-0.0, 1.0, 10000000000000000000000.5]"),
    "jsonb": ("null", '{"é": [true, null]}', "1e2", '"\\ud83c\\udf93"', "[0.1, 12345678901234567890]", "{}"),
    "bool": ("true", "false"),
    "int2": ("-32768", "32767", "0"),
    "int8": ("-9223372036854775808", "9223372036854775807", "0"),
    "text": values.TEXTS,
    "varchar(9)": ("", " ", "a        ", "🎓" * 9, "007", "1.0", "1e3"),
    "char(4)": ("a", "", "ab  "),
    "inet": ("10.0.0.1", "10.0.0.1/8", "::ffff:1.2.3.4", "2001:db8::/32"),
}
TABLE = "written_there"
NAMES = tuple(f"c{number}" for number in range(len(TYPES)))


def write(url: str, chance: random.Random) -> None:
    """Write what PostgreSQL takes: into the application's tables, and into one of all types."""
    with psycopg.connect(url, autocommit=True) as connection:
        listed = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
            for name, kind in zip(NAMES, TYPES, strict=True)
        )
        connection.execute(sql.SQL("CREATE TABLE {} (id bigint PRIMARY KEY, {})").format(sql.Identifier(TABLE), listed))
        for number in range(chance.randrange(12)):
            row = [chance.choice(known) if chance.random() < 0.7 else None for known in TYPES.values()]
            # Most rows of a few columns: else nearly every run would end with a finding.
            row = [value if chance.random() < 0.3 else None for value in row]
            with suppress(psycopg.Error):
                connection.execute(
                    sql.SQL("INSERT INTO {} VALUES ({})").format(
                        sql.Identifier(TABLE),
                        sql.SQL(", ").join(map(sql.Literal, [chance.getrandbits(63) - 2**62 + number, *row])),
                    )
                )
        for statement in _statements(connection, chance):
            with suppress(psycopg.Error):
                connection.execute(statement)


def _statements(connection: psycopg.Connection[Any], chance: random.Random) -> Iterator[sql.Composed]:
    query = """
        SELECT table_name::text, column_name::text, udt_name::text FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name <> %s AND table_name <> 'django_migrations' ORDER BY 1, 2
    """
    columns = connection.execute(query, [TABLE]).fetchall()
    known = {"varchar": values.TEXTS, "int4": TYPES["int2"]} | TYPES
    for _number in range(chance.randrange(1, 8)):
        table, column, kind = chance.choice(columns)
        place, name = sql.Identifier(table), sql.Identifier(column)
        row = sql.SQL("ctid = (SELECT ctid FROM {} ORDER BY random() LIMIT 1)").format(place)
        value = sql.Literal(chance.choice(known.get(kind, ("1",))))
        yield chance.choice(
            (
                sql.SQL("UPDATE {} SET {} = {} WHERE {}").format(place, name, value, row),
                sql.SQL("UPDATE {} SET {} = {} WHERE {}").format(place, name, value, row),
                sql.SQL("DELETE FROM {} WHERE {}").format(place, row),
                sql.SQL("ALTER TABLE {} ALTER {} DROP NOT NULL").format(place, name),
                sql.SQL("UPDATE {} SET {} = NULL WHERE {}").format(place, name, row),
            )
        )


def differences(path: Path, url: str) -> Iterator[str]:
    """Yield each row of the table of all types that is not the same on both sides."""
    with psycopg.connect(url) as connection, closing(sqlite3.connect(path)) as database:
        query = sql.SQL("SELECT id, {} FROM {} ORDER BY id").format(
            sql.SQL(", ").join(
                sql.SQL("CASE WHEN {0} IS NOT NULL THEN format('%s', {0}) END").format(sql.Identifier(name))
                if kind in ("json", "jsonb", "inet", "char(4)")
                else sql.Identifier(name)
                for name, kind in zip(NAMES, TYPES, strict=True)
            ),
            sql.Identifier(TABLE),
        )
        there = connection.execute(query).fetchall()
        here = database.execute(f"SELECT * FROM {TABLE} ORDER BY id").fetchall()
    if [row[0] for row in here] != [row[0] for row in there]:
        yield f"{TABLE}: {len(here)} rows, {len(there)} on PostgreSQL"
        return
    for old, new in zip(there, here, strict=True):
        for kind, expected, found in zip(TYPES, old[1:], new[1:], strict=True):
            if not same(kind, expected, found):
                yield f"{TABLE} {old[0]}: {kind} {expected!r} came back as {found!r}"


def drop(path: Path, url: str) -> None:
    """Leave the application's tables alone, which the oracle knows."""
    with psycopg.connect(url) as connection, closing(sqlite3.connect(path)) as database, database:
        connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(TABLE)))
        database.execute(f"DROP TABLE {TABLE}")


def same(kind: str, expected: Any, found: Any) -> bool:
    """Whether SQLite's value is what Django reads as PostgreSQL's."""
    if expected is None or found is None:
        return expected is found
    if kind in ("json", "jsonb"):
        return bool(json.loads(found) == json.loads(expected))
    if isinstance(expected, Decimal):
        # As Django's converter does it.
        return bool(Context(prec=15).create_decimal_from_float(float(found)) == Context(prec=15).plus(expected))
    if kind == "char(4)":
        # The spaces at the end are PostgreSQL's own: it adds them to each value, and compares without them.
        return bool(found == expected.rstrip(" "))
    return type(found) is not bool and bool(found == _as_django(expected))


def _as_django(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value // timedelta(microseconds=1)
    if isinstance(value, datetime):
        return str(value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value)
    if isinstance(value, date | time):
        return str(value)
    return value.hex if isinstance(value, uuid.UUID) else value
