"""What the verification must call equal, and what it must catch and name, one corruption at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db.backends.sqlite3._functions import register  # type: ignore[import-untyped]
from psycopg import sql

from migrate_to_pg.errors import VerificationError
from migrate_to_pg.records import (
    Difference,
    Event,
    Plan,
    PlannedColumn,
    PlannedTable,
    SourceColumn,
    SourceTable,
    TargetColumn,
    TargetTable,
    Verification,
    Verify,
)
from migrate_to_pg.verify import verify_tables
from migrate_to_pg.verify.schema import require_spans
from tests.conftest import whole
from tests.projects.by_hand import quoted

SCHEMA = "migrate_to_pg_incoming"
TYPES = """
SELECT attname, typname, format_type(atttypid, atttypmod), attnotnull, atttypmod, attgenerated::text
FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum
"""
KEY = """
SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
WHERE indisprimary AND indrelid = %s::regclass ORDER BY array_position(indkey::int2[], attnum)
"""


class Sides:
    """A SQLite file and a PostgreSQL schema, filled independently of each other."""

    def __init__(self, path: Path, url: str) -> None:
        self.path = path
        self.url = url
        self.tables: list[str] = []
        self.events: list[Event] = []
        with psycopg.connect(url) as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCHEMA)))

    def source(self, script: str, *rows: Sequence[Any], table: str = "thing") -> None:
        with sqlite3.connect(self.path) as connection:
            register(connection)
            connection.executescript(script)
            insert(connection.executemany, f"INSERT INTO {quoted(table)}", "?", rows)
        connection.close()

    def target(self, script: str, *rows: Sequence[Any], table: str = "thing") -> None:
        with psycopg.connect(self.url, options=f"-c search_path={SCHEMA} -c TimeZone=UTC") as connection:
            connection.execute(script.encode())
            insert(connection.cursor().executemany, f"INSERT INTO {quoted(table)}", "%s", rows)
        self.tables.append(table)

    def corrupt(self, statement: str) -> None:
        self.target(statement)
        self.tables.pop()

    def plan(self, zone: str = "UTC") -> Plan:
        with psycopg.connect(self.url) as target, sqlite3.connect(self.path) as source:
            tables = tuple(planned(source, target, name) for name in self.tables)
        source.close()
        return Plan(tables=tables, source_time_zone=zone)

    def verify(self, verify: Verify = Verify.CELLS, zone: str = "UTC") -> Verification:
        return verify_tables(
            self.plan(zone), self.path, self.url, schema=SCHEMA, verify=verify, progress=self.events.append
        )

    def samples(self, zone: str = "UTC") -> list[Difference]:
        return [sample for table in self.verify(zone=zone).tables for sample in table.samples]


def insert(many: Callable[..., Any], table: str, mark: str, rows: Sequence[Sequence[Any]]) -> None:
    if rows:
        values = ", ".join([mark] * len(rows[0]))
        many(f"{table if mark == '?' else table.replace('%', '%%')} VALUES ({values})", rows)


def planned(source: sqlite3.Connection, target: psycopg.Connection, name: str) -> PlannedTable:
    listed = source.execute(f"PRAGMA table_xinfo({quoted(name)})").fetchall()
    columns = [
        SourceColumn(name=n, declared_type=t, not_null=bool(nn), key_position=k, generated=hidden > 1)
        for _, n, t, nn, _, k, hidden in listed
    ]
    rows = source.execute(f"SELECT count(*) FROM {quoted(name)}").fetchone()[0]
    left = SourceTable(name=name, sql="", columns=tuple(columns), foreign_keys=(), rows=rows)
    place = f"{SCHEMA}.{quoted(name)}"
    types = tuple(target_column(*row) for row in target.execute(TYPES, [place]))
    key = tuple(n for (n,) in target.execute(KEY, [place]))
    right = TargetTable(name=name, columns=types, primary_key=key)
    pairs = [PlannedColumn(source=column, target=c) for c in types if (column := left.column(c.name))]
    return PlannedTable(source=left, target=right, columns=tuple(pairs))


def target_column(name: str, type_name: str, type_sql: str, not_null: bool, mod: int, generated: str) -> TargetColumn:
    precise = type_name == "numeric" and mod > 0
    return TargetColumn(
        name=name,
        type_name=type_name,
        type_sql=type_sql,
        not_null=not_null,
        precision=(mod - 4) >> 16 if precise else None,
        scale=(mod - 4) & 0x7FF if precise else None,
        generated=bool(generated),
    )


@pytest.fixture
def sides(tmp_path: Path, postgres_url: str) -> Sides:
    return Sides(tmp_path / "db.sqlite3", postgres_url)


@pytest.fixture
def each_sides(tmp_path: Path, each_postgres_url: str) -> Sides:
    return Sides(tmp_path / "db.sqlite3", each_postgres_url)


def one_cell(sides: Sides, declared: str, value: Any, type_sql: str, text: str | None) -> None:
    """A table with one row whose value PostgreSQL reads from a text of its own, among enough others to be quick."""
    sides.source(f'CREATE TABLE thing (id integer PRIMARY KEY, value "{declared}")', (1, None), (7, value), (9, None))
    sides.target(f"CREATE TABLE thing (id bigint PRIMARY KEY, value {type_sql})")
    with psycopg.connect(sides.url, options=f"-c search_path={SCHEMA} -c TimeZone=UTC") as connection:
        connection.execute(f"INSERT INTO thing VALUES (1, NULL), (7, %s::text::{type_sql}), (9, NULL)", [text])


EQUAL = [
    # (SQLite's declared type, SQLite's value, PostgreSQL's type, PostgreSQL's value as text)
    ("integer", 2**63 - 1, "bigint", "9223372036854775807"),
    ("blob", 3.0, "integer", "3"),
    ("blob", "12", "integer", "12"),
    ("bool", 1, "boolean", "true"),
    ("bool", 0, "boolean", "false"),
    ("blob", 1.0, "boolean", "true"),
    ("real", 0.1, "double precision", "0.1"),
    ("blob", -0.0, "double precision", "-0"),
    ("real", float("inf"), "double precision", "Infinity"),
    ("real", 5e-324, "double precision", "5e-324"),
    ("real", 0.1, "real", "0.1"),
    ("decimal", 1.005, "numeric(8,2)", "1.00"),
    ("decimal", 3.3000000000000003, "numeric(8,2)", "3.30"),
    ("decimal", 5, "numeric(8,2)", "5.00"),
    ("decimal", 2.675, "numeric(8,2)", "2.68"),
    ("decimal", 123456789012.345, "numeric(15,3)", "123456789012.345"),
    ("decimal", 0.1, "numeric(30,20)", "0.1"),
    ("decimal", 2**60, "numeric(30,2)", whole(2**60, "1152921504606850000")),
    # A column of numeric affinity keeps it as the INTEGER ...568.
    ("decimal", 12345678901234567.0, "numeric(20,2)", whole(12345678901234568, "12345678901234600")),
    ("decimal", 2.5, "numeric", "2.5"),
    ("blob", "12.50", "numeric(6,2)", "12.5"),
    ("datetime", "2024-02-29 12:00:00.000001", "timestamptz", "2024-02-29 12:00:00.000001+00"),
    ("datetime", "2024-02-29T12:00:00+02:00", "timestamptz", "2024-02-29 10:00:00+00"),
    ("datetime", "2024-02-29 12:00:00Z", "timestamptz", "2024-02-29 12:00:00+00"),
    ("datetime", "2024-02-29 12:00", "timestamptz", "2024-02-29 12:00:00+00"),
    ("datetime", "2024-02-29", "timestamptz", "2024-02-29 00:00:00+00"),
    ("datetime", "0001-01-01 00:00:00", "timestamptz", "0001-01-01 00:00:00+00"),
    ("datetime", "9999-12-31 23:59:59.999999", "timestamp", "9999-12-31 23:59:59.999999"),
    ("datetime", "2024-02-29 12:00:00.5", "timestamp", "2024-02-29 12:00:00.5"),
    ("date", "2024-02-29", "date", "2024-02-29"),
    ("date", "2024-2-29", "date", "2024-02-29"),
    ("time", "23:59:59.999999", "time", "23:59:59.999999"),
    ("time", "7:05", "time", "07:05:00"),
    ("bigint", 93_600_000_001, "interval", "1 day 02:00:00.000001"),
    ("bigint", -1, "interval", "-00:00:00.000001"),
    ("varchar(9)", "e\u0301 ", "varchar(9)", "e\u0301 "),
    ("text", "", "text", ""),
    ("char(5)", "ab ", "char(5)", "ab"),
    ("char(32)", "0d5c6f0e6c1b4b8f8f0e1d2c3b4a5f6e", "uuid", "0d5c6f0e-6c1b-4b8f-8f0e-1d2c3b4a5f6e"),
    ("char(36)", "0D5C6F0E-6C1B-4B8F-8F0E-1D2C3B4A5F6E", "uuid", "0d5c6f0e-6c1b-4b8f-8f0e-1d2c3b4a5f6e"),
    ("char(38)", "{0d5c6f0e-6c1b-4b8f-8f0e-1d2c3b4a5f6e}", "uuid", "0d5c6f0e-6c1b-4b8f-8f0e-1d2c3b4a5f6e"),
    ("text", '{"b": [1.0, "\\u00e9"],"a":null}', "jsonb", '{"a": null, "b": [1, "é"]}'),
    ("text", "12345678901234567890.123456789", "jsonb", "12345678901234567890.123456789"),
    ("text", '{"a": 1e2}', "json", '{"a":100.0}'),
    ("text", "null", "jsonb", "null"),
    ("blob", b"\x00\xff", "bytea", "\\x00ff"),
    ("blob", b"", "bytea", ""),
    ("char(39)", "10.0.0.1", "inet", "10.0.0.1"),
    ("char(39)", "2001:DB8::1", "inet", "2001:db8::1"),
    ("char(39)", "10.0.0.0/8", "cidr", "10.0.0.0/8"),
    ("varchar(17)", "08:00:2b:01:02:03", "macaddr", "08:00:2b:01:02:03"),
    ("text", "{1,2}", "integer[]", "{1,2}"),
    ("text", "x" * 300_000, "text", "x" * 300_000),
]


@pytest.mark.parametrize(("declared", "value", "type_sql", "text"), EQUAL)
def test_equal_values_are_equal_in_every_spelling(
    sides: Sides, declared: str, value: float | str | bytes, type_sql: str, text: str
) -> None:
    one_cell(sides, declared, value, type_sql, text)
    verification = sides.verify()
    assert verification.holds, verification.tables[0].samples
    assert verification.tables[0].cells_compared == 6


UNEQUAL = [
    ("integer", 3, "bigint", "4"),
    ("blob", "abc", "integer", "0"),
    ("blob", "12abc", "integer", "12"),
    ("blob", " 12", "integer", "12"),
    ("blob", 1.5, "integer", "1"),
    ("blob", b"12", "integer", "12"),
    ("integer", 0, "integer", None),
    ("integer", None, "integer", "0"),
    ("bool", 1, "boolean", "false"),
    ("bool", 2, "boolean", "true"),
    ("blob", "1", "boolean", "true"),
    ("real", 0.1, "double precision", "0.10000000000000002"),
    ("blob", 0.0, "double precision", "-0"),
    ("real", None, "double precision", "NaN"),
    ("blob", 2**53 + 1, "double precision", "9007199254740992"),
    ("real", 0.1234567890123, "real", "0.1234567890123"),
    ("decimal", 1.005, "numeric(8,2)", "1.01"),
    ("decimal", 1.5, "numeric(8,2)", "1.51"),
    ("decimal", 1.5, "numeric(8,2)", "NaN"),
    ("decimal", 123456789012.345, "numeric(15,3)", "123456789012.346"),
    ("decimal", 2**60, "numeric(30,2)", "1152921504606846975"),
    ("decimal", 0.1, "numeric(30,20)", "0.10000000000000000001"),
    ("decimal", 1e20, "numeric(8,2)", "0"),
    ("decimal", float("inf"), "numeric", "Infinity"),
    ("datetime", "2024-02-29 12:00:00.000001", "timestamptz", "2024-02-29 12:00:00.000002+00"),
    ("datetime", "2023-02-30 00:00:00", "timestamptz", "2023-03-02 00:00:00+00"),
    ("datetime", "2024-02-29 24:00:00", "timestamptz", "2024-03-01 00:00:00+00"),
    ("datetime", "2024-02-29 23:59:60", "timestamp", "2024-03-01 00:00:00"),
    ("datetime", "0000-01-01 00:00:00", "timestamp", "0001-01-01 00:00:00 BC"),
    ("datetime", "9999-12-31 23:59:59", "timestamptz", "infinity"),
    ("datetime", 1709208000, "timestamptz", "2024-02-29 12:00:00+00"),
    ("datetime", "", "timestamptz", None),
    ("datetime", "2024-02-29T12:00:00+02:00", "timestamptz", "2024-02-29 12:00:00+00"),
    ("date", "2024-02-29", "date", "2024-03-01"),
    ("date", "0000-01-01", "date", "0001-01-01 BC"),
    ("date", "2023-02-29", "date", "2023-03-01"),
    ("date", 20240229, "date", "2024-02-29"),
    ("date", "2024-02-29 00:00:00", "date", "2024-02-29"),
    ("time", "12:00:00", "time", "12:00:00.000001"),
    ("time", "24:00:00", "time", "24:00:00"),
    ("bigint", 86_400_000_000, "interval", "1 day 00:00:00.000001"),
    ("bigint", 2_592_000_000_000, "interval", "1 mon"),
    ("bigint", -(2**63), "interval", "100000000 years"),
    ("varchar(9)", "Aé", "varchar(9)", "aé"),
    ("varchar(9)", "e\u0301", "varchar(9)", "\u00e9"),
    ("varchar(9)", "a", "varchar(9)", "a "),
    ("varchar(9)", "", "varchar(9)", None),
    ("varchar(9)", None, "varchar(9)", ""),
    ("blob", b"abc", "text", "abc"),
    ("text", "a\0b", "text", "a"),
    ("char(5)", "ab", "char(5)", "ba"),
    ("char(32)", "0d5c6f0e6c1b4b8f8f0e1d2c3b4a5f6e", "uuid", "0d5c6f0e-6c1b-4b8f-8f0e-1d2c3b4a5f6f"),
    ("char(32)", "0d5c6f0e6c1b4b8f8f0e1d2c3b4a5f", "uuid", "0d5c6f0e-6c1b-4b8f-8f0e-1d2c3b4a5f6e"),
    ("text", '{"a": 1}', "jsonb", '{"a": true}'),
    ("text", '{"a": 1}', "jsonb", '{"a": "1"}'),
    ("text", '{"a": 1}', "jsonb", '{"a": 1, "b": null}'),
    ("text", "[1, 2]", "jsonb", "[2, 1]"),
    ("text", "9007199254740993", "jsonb", "9007199254740992"),
    ("text", "null", "jsonb", None),
    ("text", "NaN", "jsonb", '"NaN"'),
    ("blob", b"\x00\xff", "bytea", "\\x00fe"),
    ("blob", "abc", "bytea", "\\x616263"),
    ("char(39)", "10.0.0.1", "inet", "10.0.0.2"),
    ("char(39)", "10.0.0.1", "inet", "10.0.0.1/24"),
    ("text", "{1,2}", "integer[]", "{2,1}"),
    ("text", "x" * 300_000 + "a", "text", "x" * 300_000 + "b"),
]


@pytest.mark.parametrize(("declared", "value", "type_sql", "text"), UNEQUAL)
def test_one_changed_cell_is_caught_and_named(
    sides: Sides, declared: str, value: str | float | bytes | None, type_sql: str, text: str | None
) -> None:
    one_cell(sides, declared, value, type_sql, text)
    verification = sides.verify()
    assert not verification.holds
    (table,) = verification.tables
    (sample,) = table.samples
    assert (table.differences, table.rows_source, table.rows_target) == (1, 3, 3)
    assert (sample.table, sample.key, sample.column, sample.kind) == ("thing", {"id": "7"}, "value", "changed")
    assert sample.source != sample.target
    assert (sample.source is None, sample.target is None) == (value is None, text is None)


def test_text_that_is_no_utf8_equals_nothing(sides: Sides) -> None:
    sides.source(
        "CREATE TABLE thing (id integer PRIMARY KEY, value text);"
        "INSERT INTO thing VALUES (1, CAST(x'ff41' AS text)), (2, 'ok')"
    )
    sides.target("CREATE TABLE thing (id bigint PRIMARY KEY, value text)", (1, "\\xffA"), (2, "ok"))
    (sample,) = sides.samples()
    assert (sample.key, sample.source) == ({"id": "1"}, "\\xffA")


# --- rows and keys ----------------------------------------------------------------------------------------------------

COUNT = 6000


def numbered(sides: Sides, count: int = COUNT, key: str = "PRIMARY KEY") -> None:
    """More rows than a batch, a thing every third number."""
    rows = [(number * 3, f"thing {number}") for number in range(count)]
    sides.source(f"CREATE TABLE thing (id integer {key}, name text)", *rows)
    sides.target(f"CREATE TABLE thing (id bigint {key}, name text)", *rows)


def kinds(sides: Sides) -> list[tuple[str, str, str]]:
    return [(sample.kind, sample.key["id"], sample.column) for sample in sides.samples()]


def test_a_day_instead_of_24_hours_equals_by_cells_and_is_reported_after_a_load(
    each_sides: Sides,
) -> None:
    one_cell(each_sides, "bigint", 86_400_000_000, "interval", "24:00:00")
    with psycopg.connect(each_sides.url) as connection:
        require_spans(connection, SCHEMA, each_sides.plan())
        each_sides.corrupt("UPDATE thing SET value = '1 day' WHERE id = 7")
        assert each_sides.verify().holds
        with pytest.raises(VerificationError, match=r"thing\.value holds days or months in 1 row,"):
            require_spans(connection, SCHEMA, each_sides.plan())


def test_untouched_rows_hold_on_every_server_and_tell_their_progress(each_sides: Sides) -> None:
    numbered(each_sides)
    verification = each_sides.verify()
    assert verification.holds
    assert verification.tables[0].cells_compared == 2 * COUNT
    assert {(e.kind, e.stage, e.message, e.total) for e in each_sides.events} == {("progress", "prove", "thing", COUNT)}
    done = [event.done for event in each_sides.events]
    assert done == sorted(done)
    assert done[-1] == COUNT


@pytest.mark.parametrize("number", [0, 3, 12282, 12285, 12288, 17997])
def test_a_deleted_row_is_missing(sides: Sides, number: int) -> None:
    numbered(sides)
    sides.corrupt(f"DELETE FROM thing WHERE id = {number}")
    verification = sides.verify()
    assert (verification.tables[0].rows_source, verification.tables[0].rows_target) == (COUNT, COUNT - 1)
    assert verification.tables[0].cells_compared == 2 * (COUNT - 1)
    assert kinds(sides) == [("missing", str(number), "")]
    assert sides.samples()[0].source == f"id={number}, name=thing {number // 3}"


@pytest.mark.parametrize("number", [-1, 1, 12287, 99999])
def test_a_row_too_many_is_extra(sides: Sides, number: int) -> None:
    numbered(sides)
    sides.corrupt(f"INSERT INTO thing VALUES ({number}, 'new')")
    assert kinds(sides) == [("extra", str(number), "")]


@pytest.mark.parametrize("number", [0, 9000, 17997])
def test_an_id_that_is_off_by_one_is_a_missing_and_an_extra_row(sides: Sides, number: int) -> None:
    numbered(sides)
    sides.corrupt(f"UPDATE thing SET id = id + 1 WHERE id = {number}")
    assert sorted(kinds(sides)) == [("extra", str(number + 1), ""), ("missing", str(number), "")]


def test_swapped_rows_are_two_changed_rows(sides: Sides) -> None:
    numbered(sides)
    sides.corrupt("UPDATE thing SET name = CASE id WHEN 3 THEN 'thing 4000' ELSE 'thing 1' END WHERE id IN (3, 12000)")
    assert kinds(sides) == [("changed", "3", "name"), ("changed", "12000", "name")]
    assert [(s.source, s.target) for s in sides.samples()] == [
        ("thing 1", "thing 4000"),
        ("thing 4000", "thing 1"),
    ]


def test_many_faults_are_counted_exactly_and_twenty_are_named(sides: Sides) -> None:
    numbered(sides)
    sides.corrupt("DELETE FROM thing WHERE id % 30 = 0")
    sides.corrupt("UPDATE thing SET name = name || ' ' WHERE id % 30 = 3")
    sides.corrupt("INSERT INTO thing SELECT id + 1, name FROM thing WHERE id % 30 = 6")
    (table,) = sides.verify().tables
    assert table.differences == 3 * COUNT // 10
    assert len(table.samples) == 20


@pytest.mark.parametrize("lost", ["id < 15000", "id > 3000", "id BETWEEN 3000 AND 15000", "true"])
def test_a_long_run_of_missing_rows_is_counted_exactly(sides: Sides, lost: str) -> None:
    numbered(sides)
    sides.corrupt(f"DELETE FROM thing WHERE {lost}")
    (table,) = sides.verify().tables
    assert table.differences == table.rows_source - table.rows_target > 0
    assert {sample.kind for sample in table.samples} == {"missing"}


def test_far_shifted_ids_find_their_partners_all_the_same(sides: Sides) -> None:
    numbered(sides)
    sides.corrupt("UPDATE thing SET id = id + 9000 + 100000")
    sides.corrupt("UPDATE thing SET id = id - 100000")
    (table,) = sides.verify().tables
    assert table.differences == 6000 + 3000  # half the ids are missing, half are extra, the rest are renamed


def test_counts_compares_rows_only(sides: Sides) -> None:
    numbered(sides)
    sides.corrupt("UPDATE thing SET name = 'x'")
    verification = sides.verify(Verify.COUNTS)
    assert verification.holds
    assert (verification.tables[0].rows_target, verification.tables[0].cells_compared) == (COUNT, 0)
    sides.corrupt("DELETE FROM thing WHERE id = 3")
    assert not sides.verify(Verify.COUNTS).holds


# --- keys of other kinds ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "type_sql", "source", "target"),
    [
        ("text COLLATE NOCASE", "text", ["a", "B", "b", "é", "Z", "𝒵", "\uffee"], None),
        ("char(32)", "uuid", [f"{n:032x}" for n in range(9)], None),
        ("char(32)", "uuid", [f"{n:032x}" if n % 2 else f"{n:032X}" for n in range(30)], None),
        ("datetime", "timestamptz", ["2024-01-01 00:00:00", "2024-01-01T00:00:00Z", "2023-01-01 01:00:00+02:00"], None),
        ("decimal", "numeric(6,2)", [10.0, 9.5, -1.25, 100.0], ["10", "9.5", "-1.25", "100"]),
        ("bool", "boolean", [1, 0], ["true", "false"]),
        ("blob", "bytea", [b"\x00", b"\xff", b""], ["\\x00", "\\xff", ""]),
        ("char(39)", "inet", ["10.0.0.1", "9.0.0.1", "2001:DB8::1"], None),
    ],
)
def test_keys_of_every_type_are_matched_whatever_their_order(
    sides: Sides, declared: str, type_sql: str, source: list[str | float | bytes], target: list[str] | None
) -> None:
    if type_sql == "timestamptz":
        source = source[1:]
    collation = " COLLATE BINARY" if "NOCASE" in declared else ""
    sides.source(
        f"CREATE TABLE thing (id {declared}, n integer, PRIMARY KEY (id{collation}))",
        *zip(source, range(99), strict=False),
    )
    sides.target(f"CREATE TABLE thing (id {type_sql} PRIMARY KEY, n int)")
    with psycopg.connect(sides.url, options=f"-c search_path={SCHEMA} -c TimeZone=UTC") as connection:
        for text, n in zip(target or source, range(99), strict=False):
            connection.execute(f"INSERT INTO thing VALUES (%s::text::{type_sql}, %s)", [text, n])
    assert sides.verify().holds
    sides.corrupt("UPDATE thing SET n = -1 WHERE n = 1")
    (sample,) = sides.samples()
    assert (sample.column, sample.source, sample.target) == ("n", "1", "-1")


def test_keys_of_several_columns_name_all_of_them(sides: Sides) -> None:
    rows = [(a, f"b{b}", "x") for a in range(30) for b in range(30)]
    sides.source("CREATE TABLE thing (a integer, b text, c text, PRIMARY KEY (a, b))", *rows)
    sides.target("CREATE TABLE thing (a int, b text, c text, PRIMARY KEY (b, a))", *rows)
    assert sides.verify().holds
    sides.corrupt("UPDATE thing SET c = 'y' WHERE a = 7 AND b = 'b11'")
    assert [dict(s.key) for s in sides.samples()] == [{"b": "b11", "a": "7"}]


def test_a_null_key_in_sqlite_is_a_missing_row(sides: Sides) -> None:
    sides.source("CREATE TABLE thing (id text PRIMARY KEY)", ("a",), (None,))
    sides.target("CREATE TABLE thing (id text PRIMARY KEY)", ("a",))
    assert kinds(sides) == [("missing", "NULL", "")]


# --- tables without a key ---------------------------------------------------------------------------------------------


def test_rows_without_a_key_are_compared_as_a_multiset(sides: Sides) -> None:
    numbered(sides, key="")
    sides.corrupt("INSERT INTO thing SELECT * FROM thing WHERE id = 3000")
    sides.corrupt("DELETE FROM thing WHERE id = 6000")
    assert sorted(kinds(sides)) == [("extra", "3000", ""), ("missing", "6000", "")]
    assert sides.samples()[0].key["name"] in ("thing 1000", "thing 2000")


def test_equal_rows_without_a_key_may_come_in_any_order(sides: Sides) -> None:
    rows = [(n % 7, None if n % 3 else n % 5, f'{{"b": {n % 2}, "a": 1.0}}') for n in range(5000)]
    sides.source("CREATE TABLE thing (id integer, n integer, j text)", *rows)
    sides.target("CREATE TABLE thing (id bigint, n bigint, j jsonb)", *reversed(rows))
    assert sides.verify().holds
    sides.corrupt("UPDATE thing SET n = 77 WHERE ctid = '(0,1)'")
    assert sorted(sample.kind for sample in sides.samples()) == ["extra", "missing"]


# --- names, zones, readers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ['ta"ble', "select", "é", "Mixed Case", "a%sb", "{0}", "semi;colon--", "t", "it's"])
def test_hostile_names_work_on_both_sides(sides: Sides, name: str) -> None:
    create = f"CREATE TABLE {quoted(name)} ({quoted(name)} integer PRIMARY KEY, {quoted(name + '2')} text)"
    sides.source(create, (1, "a"), table=name)
    sides.target(create, (1, "a"), table=name)
    assert sides.verify().holds
    sides.corrupt(f"UPDATE {quoted(name)} SET {quoted(name + '2')} = 'b'")
    (sample,) = sides.samples()
    assert (sample.table, sample.key, sample.column) == (name, {name: "1"}, name + "2")


def test_a_path_with_special_characters_is_opened_and_nothing_is_made_beside_it(
    tmp_path: Path, postgres_url: str
) -> None:
    folder = tmp_path / "we ird%3F?#&é"
    folder.mkdir()
    sides = Sides(folder / "a b?mode=rwc.sqlite3", postgres_url)
    numbered(sides, 5)
    before = sides.path.read_bytes()
    assert sides.verify().holds
    assert [path.name for path in folder.iterdir()] == [sides.path.name]
    assert sides.path.read_bytes() == before


PARIS = [
    ("2024-07-01 12:00:00", "2024-07-01 10:00:00+00"),
    ("2024-01-01 12:00:00.5", "2024-01-01 11:00:00.5+00"),
    ("2024-10-27 02:30:00", "2024-10-27 00:30:00+00"),  # comes twice: the first
    ("2024-03-31 01:59:59.999999", "2024-03-31 00:59:59.999999+00"),
    ("2090-07-01 12:00:00", "2090-07-01 10:00:00+00"),
    ("1900-01-01 00:00:00", "1899-12-31 23:50:39+00"),
    ("2024-07-01 12:00:00Z", "2024-07-01 12:00:00+00"),
]


def test_naive_text_is_in_the_sources_time_zone(sides: Sides) -> None:
    sides.source("CREATE TABLE thing (id integer PRIMARY KEY, at datetime)", *enumerate(text for text, _ in PARIS))
    sides.target("CREATE TABLE thing (id int PRIMARY KEY, at timestamptz)", *enumerate(instant for _, instant in PARIS))
    assert sides.verify(zone="Europe/Paris").holds
    (wrong,) = sides.verify().tables
    assert wrong.differences == len(PARIS) - 1
    assert wrong.samples[0].target == "2024-07-01 10:00:00+00:00"


def test_the_servers_own_settings_do_not_matter(sides: Sides) -> None:
    one_cell(sides, "datetime", "2024-07-01 12:00:00", "timestamptz", "2024-07-01 12:00:00+00")
    name = sides.url.split("/")[3].split("?")[0]
    for setting in ("TimeZone = 'Asia/Tokyo'", "extra_float_digits = -5", "IntervalStyle = 'iso_8601'"):
        sides.corrupt(f"ALTER DATABASE {quoted(name)} SET {setting}")
    assert sides.verify().holds


@pytest.mark.parametrize("storage", ["STORED", "VIRTUAL"])
def test_generated_columns_are_compared_even_those_that_call_djangos_functions(each_sides: Sides, storage: str) -> None:
    each_sides.source(
        "CREATE TABLE thing (id integer PRIMARY KEY, n text, twice integer GENERATED ALWAYS AS (id * 2) STORED,"
        f" digest text GENERATED ALWAYS AS (MD5(n)) {storage}); INSERT INTO thing VALUES (21, 'a'), (22, 'b')"
    )
    each_sides.target(
        "CREATE TABLE thing (id int PRIMARY KEY, n text, twice int GENERATED ALWAYS AS (id * 2) STORED,"
        " digest text GENERATED ALWAYS AS (md5(CASE n WHEN 'b' THEN 'c' ELSE n END)) STORED);"
        "INSERT INTO thing VALUES (21, 'a'), (22, 'b')"
    )
    (table,) = each_sides.verify().tables
    (found,) = table.otherwise
    (sample,) = found.samples
    assert (table.differences, found.count, sample.key, sample.column) == (0, 1, {"id": "22"}, "digest")
    assert (sample.source, sample.target) == ("92eb5ffee6ae2fec3ad71c777531578f", "4a8a08f09d37b73795649038408b5f33")


def test_one_cell_of_the_wrong_class_far_down_does_not_hide_the_others(sides: Sides) -> None:
    numbered(sides)
    with sqlite3.connect(sides.path) as connection:
        connection.execute("UPDATE thing SET name = CAST(name AS blob) WHERE id = 15000")
    connection.close()
    sides.corrupt("UPDATE thing SET name = 'y' WHERE id = 15003")
    assert kinds(sides) == [("changed", "15000", "name"), ("changed", "15003", "name")]
    assert sides.verify().tables[0].cells_compared == 2 * COUNT


UPPER = "(upper(name))"


def shouting(sides: Sides, sqlite_column: str, *rows: Sequence[Any]) -> None:
    """One column that PostgreSQL computes, beside what SQLite has of it."""
    sides.source(f"CREATE TABLE thing (id integer PRIMARY KEY, name text, loud {sqlite_column})", *rows)
    sides.target(
        "CREATE FUNCTION loudly(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT upper($1)';"
        "CREATE TABLE thing (id bigint PRIMARY KEY, name text, loud text GENERATED ALWAYS AS"
        f' ({SCHEMA}.loudly(name COLLATE "C.utf8")) STORED);'
        "INSERT INTO thing (id, name) VALUES (1, 'a'), (2, 'é'), (3, NULL)"
    )


def test_what_postgresql_computes_otherwise_is_told_and_is_no_difference(sides: Sides) -> None:
    shouting(sides, f"text GENERATED ALWAYS AS {UPPER} STORED")
    with sqlite3.connect(sides.path) as source:
        source.executemany("INSERT INTO thing (id, name) VALUES (?, ?)", [(1, "a"), (2, "é"), (3, None)])
    source.close()
    (table,) = sides.verify().tables
    assert (table.differences, table.cells_compared, table.cells_computed) == (0, 6, 3)
    (told,) = table.otherwise
    assert (told.column, told.count) == ("loud", 1)
    assert [(dict(s.key), s.source, s.target) for s in told.samples] == [({"id": "2"}, "é", "É")]


def test_a_column_that_is_plain_on_sqlite_may_hold_anything(sides: Sides) -> None:
    shouting(sides, "text", (1, "a", "A"), (2, "é", None), (3, None, "x"))
    (table,) = sides.verify().tables
    assert (table.differences, table.cells_compared, table.cells_computed) == (0, 6, 3)
    assert [(s.source, s.target) for s in table.otherwise[0].samples] == [(None, "É"), ("x", None)]


def test_a_computed_value_that_its_expression_does_not_give_is_a_difference(sides: Sides) -> None:
    shouting(sides, "text", (1, "a", "A"), (2, "é", "É"), (3, None, None))
    sides.corrupt("CREATE OR REPLACE FUNCTION loudly(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)'")
    (table,) = sides.verify().tables
    assert table.differences == 2
    assert [(s.column, s.target) for s in table.samples] == [("loud", "another value, in 2 rows")]


def test_rows_without_a_key_are_matched_by_what_is_compared(sides: Sides) -> None:
    sides.source("CREATE TABLE thing (name text, loud text)", ("é", "é"), ("é", "é"), ("b", "B"))
    sides.target('CREATE TABLE thing (name text, loud text GENERATED ALWAYS AS (upper(name COLLATE "C.utf8")) STORED)')
    sides.corrupt("INSERT INTO thing (name) VALUES ('é'), ('b'), ('é')")
    (table,) = sides.verify().tables
    assert (table.differences, table.cells_compared, table.cells_computed) == (0, 3, 3)
    assert table.otherwise[0].count == 2


#: A column's type with modifiers -> an expression over n (3.14159), s ('abcd ') and t (a moment) of another precision.
COMPUTED = {
    "numeric(10,2)": "n * n",
    "numeric(3,0)": "n * 100",
    "numeric": "n * n",
    "numeric(6,1)[]": "ARRAY[n, n * n]",
    "real": "n * n",
    "integer": "n * n",
    "varchar(4)": "s",
    "varchar(4)[]": "ARRAY[s::varchar(4)]",
    "char(9)": "s",
    "text": "s || '|'",
    'text COLLATE "C"': "s || s",
    "bit(3)": "CASE WHEN n > 1 THEN B'101' END",
    "bit varying(5)": "CASE WHEN n > 1 THEN B'101' END",
    "timestamp(0)": "t",
    "timestamp(3)[]": "ARRAY[t, t]",
    "time(2)": "t::time",
    "interval(0)": "t - timestamp '2020-01-01'",
    "interval hour to minute": "t - timestamp '2020-01-01'",
    "name": "s",
    "jsonb": "'[1.50]'::jsonb || '2'",
    "short": "s || s",
}


def test_a_computed_value_is_compared_as_its_columns_type_keeps_it(each_sides: Sides) -> None:
    """With all modifiers, rounded and padded as PostgreSQL does when it stores it; and virtual ones from 18 on."""
    with psycopg.connect(each_sides.url) as connection:
        kinds = ("STORED", "VIRTUAL") if connection.info.server_version >= 180000 else ("STORED",)
    computed = [
        f"c{number}{kind[0].lower()} {type_sql} GENERATED ALWAYS AS ({expression}) {kind}"
        for kind in kinds
        for number, (type_sql, expression) in enumerate(COMPUTED.items())
        # No user-defined type in a virtual column.
        if (kind, type_sql) != ("VIRTUAL", "short")
    ]
    each_sides.source("CREATE TABLE thing (id integer PRIMARY KEY, n decimal, s text, t datetime)")
    row = (7, 3.14159, "abcd ", "2024-02-29 12:34:56.789012")
    with sqlite3.connect(each_sides.path) as source:
        source.execute("INSERT INTO thing VALUES (?, ?, ?, ?)", row)
    source.close()
    each_sides.target(
        "CREATE DOMAIN short AS varchar(12); CREATE TABLE thing (id bigint PRIMARY KEY, n numeric(9,5),"
        f' s text COLLATE "POSIX", t timestamp, {", ".join(computed)})'
    )
    each_sides.corrupt("INSERT INTO thing (id, n, s, t) VALUES (7, 3.14159, 'abcd ', '2024-02-29 12:34:56.789012')")
    (table,) = each_sides.verify().tables
    assert [(sample.column, sample.source) for sample in table.samples] == []
    assert (table.differences, table.cells_computed) == (0, len(computed))


def test_a_product_that_both_sides_compute_is_equal_and_a_half_is_told(each_sides: Sides) -> None:
    """Django reads 0.125 of SQLite's at two places as 0.12, PostgreSQL keeps 0.13."""
    each_sides.source(
        "CREATE TABLE thing (id integer PRIMARY KEY, price decimal, rate decimal,"
        " total decimal GENERATED ALWAYS AS (price * rate) STORED);"
        "INSERT INTO thing VALUES (1, 2, 1), (2, 0.25, 0.5)"
    )
    each_sides.target(
        "CREATE TABLE thing (id int PRIMARY KEY, price numeric(8,2), rate numeric(4,2),"
        " total numeric(10,2) GENERATED ALWAYS AS (price * rate) STORED);"
        "INSERT INTO thing VALUES (1, 2, 1), (2, 0.25, 0.5)"
    )
    (table,) = each_sides.verify().tables
    assert table.differences == 0
    assert [(s.key, s.source, s.target) for s in table.otherwise[0].samples] == [({"id": "2"}, "0.125", "0.13")]


@pytest.mark.parametrize("type_sql", ["varchar(3)", "char(3)"])
def test_a_computed_text_that_its_type_would_cut_is_a_difference(sides: Sides, type_sql: str) -> None:
    sides.source("CREATE TABLE thing (id integer PRIMARY KEY)", (1,))
    sides.target(
        "CREATE FUNCTION given(int) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT ''abc''::text';"
        f"CREATE TABLE thing (id int PRIMARY KEY, v {type_sql} GENERATED ALWAYS AS ({SCHEMA}.given(id)) STORED);"
        "INSERT INTO thing (id) VALUES (1)"
    )
    sides.corrupt("CREATE OR REPLACE FUNCTION given(int) RETURNS text IMMUTABLE LANGUAGE sql AS $$SELECT 'abcd'$$")
    assert [sample.column for sample in sides.samples()] == ["v"]
