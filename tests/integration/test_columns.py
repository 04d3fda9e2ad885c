"""Every column type from real SQLite to real PostgreSQL: what crosses arrives whole, what cannot is marked."""

from __future__ import annotations

import datetime
import json
import struct
import uuid
from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import whole
from tests.integration.crossing import Expression, Ferry, Value, marks, rowids

UTC = datetime.UTC
ANY = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


def check_crosses(ferry: Ferry, type_sql: str, sqlite_value: Value, python_value: object) -> None:
    """In company of NULL, which must arrive too."""
    ferry.column(type_sql, sqlite_value, None)
    ferry.load()
    (value,), (null,) = ferry.rows()
    assert null is None
    assert value == python_value
    assert type(value) is type(python_value)
    if isinstance(value, float):
        assert struct.pack("d", value) == struct.pack("d", python_value)


def check_refuses(ferry: Ferry, type_sql: str, sqlite_value: Value, mark: str, *, good: Value = None) -> None:
    """Exactly that row, whether it is the first or comes after others."""
    ferry.column(type_sql, good, sqlite_value, good, None)
    sound = "null" if good is None else ""
    assert marks(ferry.batches()) == [sound, mark, sound, "null"]


@pytest.mark.parametrize(
    ("type_sql", "value"),
    [
        ("smallint", -(2**15)), ("smallint", 2**15 - 1), ("smallint", 0),
        ("integer", -(2**31)), ("integer", 2**31 - 1),
        ("bigint", -(2**63)), ("bigint", 2**63 - 1), ("bigint", 2**53 + 1),
    ],
)  # fmt: skip
def test_integers_cross(ferry: Ferry, type_sql: str, value: int) -> None:
    check_crosses(ferry, type_sql, value, value)


@pytest.mark.parametrize(("sqlite_value", "python_value"), [(0, False), (1, True)])
def test_booleans_cross(ferry: Ferry, sqlite_value: int, python_value: bool) -> None:
    check_crosses(ferry, "boolean", sqlite_value, python_value)


@pytest.mark.parametrize(
    ("type_sql", "sqlite_value", "python_value"),
    [
        ("numeric(8,2)", 1.005, "1.00"),
        ("numeric(8,2)", 0.1 + 0.2, "0.30"),
        ("numeric(8,2)", 2.675, "2.68"),  # 15 digits say 2.67500000000000, and half goes to even
        ("numeric(8,2)", 1.015, "1.02"),  # times 100 it is 101.49999999999999
        ("numeric(8,2)", 0.125, "0.12"),
        ("numeric(8,2)", -0.0, "0.00"),
        ("numeric(8,2)", 5, "5.00"),
        ("numeric(5,0)", 12345, "12345"),
        ("numeric(5,0)", 0.5, "0"),
        ("numeric(15,2)", 9999999999999.99, "9999999999999.99"),
        ("numeric(15,15)", 0.123456789012345, "0.123456789012345"),
        ("numeric(20,2)", 123456789012345678.0, "123456789012346000.00"),
        ("numeric(20,0)", 2**53 + 1, whole(2**53 + 1, "9007199254740990")),
        (
            "numeric(19,0)",
            7715124187138765001,
            whole(7715124187138765001, "7715124187138770000"),
        ),  # as a double it ends in 4800
        ("numeric(19,0)", 2**63 - 1, whole(2**63 - 1, "9223372036854780000")),
        ("numeric(19,0)", -(2**63), whole(-(2**63), "-9223372036854780000")),
        ("numeric(30,20)", 0.1, "0.10000000000000000000"),
        ("numeric(38,10)", 1234.5678, "1234.5678000000"),
        ("numeric(50,10)", 1234.5678, "1234.5678000000"),
        ("numeric(60,30)", 1e20, "100000000000000000000." + "0" * 30),
        ("numeric(2,4)", 0.0012, "0.0012"),
        ("numeric(5,-2)", 1250, "1200"),
    ],
)
def test_decimals_cross(ferry: Ferry, type_sql: str, sqlite_value: float, python_value: str) -> None:
    check_crosses(ferry, type_sql, sqlite_value, Decimal(python_value))


@pytest.mark.parametrize(
    ("type_sql", "value"),
    [
        *[("double precision", v) for v in (0.1, -0.0, 5e-324, 1.7976931348623157e308, float("inf"), -float("inf"))],
        *[("real", v) for v in (0.1, 0.5, -0.0, 16777216.0, 1e-45, float("inf"), 3.4028235e38)],
    ],
)
def test_floats_cross_bit_by_bit(ferry: Ferry, type_sql: str, value: float) -> None:
    check_crosses(ferry, type_sql, value, value)


@pytest.mark.parametrize("value", [3, -(2**53), 2**53])
def test_integers_that_a_float_holds_cross_into_it(ferry: Ferry, value: int) -> None:
    check_crosses(ferry, "double precision", value, float(value))


@pytest.mark.parametrize("type_sql", ["text", "varchar(40)", "char(7)"])
@pytest.mark.parametrize("value", ["", "åäö", "\U0001f600", "e\u0301\u202e\ufeff", "\\N\t\r\n", "12", "\x7f\x01"])
def test_text_crosses(ferry: Ferry, type_sql: str, value: str) -> None:
    check_crosses(ferry, type_sql, value, value.ljust(7) if type_sql == "char(7)" else value)


@pytest.mark.parametrize("value", [b"", b"\0", b"\0\xff\0", bytes(range(256)), b"\\x00"])
def test_bytes_cross(ferry: Ferry, value: bytes) -> None:
    check_crosses(ferry, "bytea", value, value)


@pytest.mark.parametrize("type_sql", ["json", "jsonb"])
@pytest.mark.parametrize("value", ['{"a": [1, 2.5, null, true, "é", "\\u00e9", "\\ud83d\\ude00"]}', '""', " 0 ", "{}"])
def test_json_crosses(ferry: Ferry, type_sql: str, value: str) -> None:
    check_crosses(ferry, type_sql, value, json.loads(value))


@pytest.mark.parametrize("type_sql", ["json", "jsonb"])
def test_json_null_is_not_null(ferry: Ferry, type_sql: str) -> None:
    ferry.column(type_sql, "null", None)
    ferry.load()
    assert ferry.rows("SELECT v::text FROM t ORDER BY id") == [("null",), (None,)]


@pytest.mark.parametrize(
    "value",
    [
        ANY, ANY.upper(), ANY.replace("-", ""), ANY.replace("-", "").upper(), "0" * 32,
        "{" + ANY + "}", "{" + ANY.replace("-", "") + "}", f"urn:uuid:{ANY}", f"uuid:{ANY.upper()}", f"{{{ANY}",
    ],
)  # fmt: skip
def test_uuids_cross(ferry: Ferry, value: str) -> None:
    check_crosses(ferry, "uuid", value, uuid.UUID(value))


@pytest.mark.parametrize("value", ["0001-01-01", "9999-12-31", "2024-02-29", "1970-01-01"])
def test_dates_cross(ferry: Ferry, value: str) -> None:
    check_crosses(ferry, "date", value, datetime.date.fromisoformat(value))


@pytest.mark.parametrize(
    ("type_sql", "value", "python_value"),
    [
        ("date", "2024-1-5", datetime.date(2024, 1, 5)),
        ("date", "2024-01-05\n", datetime.date(2024, 1, 5)),
        ("date", "２０２４-01-05", datetime.date(2024, 1, 5)),
        ("time", "8:05", datetime.time(8, 5)),
        ("time", "8:5:1,25", datetime.time(8, 5, 1, 250_000)),
        ("timestamp", "2024-1-5 8:00", datetime.datetime(2024, 1, 5, 8)),
        ("timestamp", "2024-1-5T8:00:00.123456789012", datetime.datetime(2024, 1, 5, 8, 0, 0, 123_456)),
        ("timestamptz", "2024-01-05 08:00:00 +02:00", datetime.datetime(2024, 1, 5, 6, tzinfo=UTC)),
        ("timestamptz", "2024-1-5 8:00-0330", datetime.datetime(2024, 1, 5, 11, 30, tzinfo=UTC)),
        ("timestamptz", "2024-01-05 ٠٨:00:00 ", datetime.datetime(2024, 1, 5, 8, tzinfo=UTC)),
    ],
)
def test_what_djangos_regular_expressions_read_crosses(
    ferry: Ferry, type_sql: str, value: str, python_value: object
) -> None:
    check_crosses(ferry, type_sql, value, python_value)


@pytest.mark.parametrize("value", ["00:00:00", "23:59:59.999999", "10:20", "10:20:30.5", "T10:20", "10"])
def test_times_cross(ferry: Ferry, value: str) -> None:
    check_crosses(ferry, "time", value, datetime.time.fromisoformat(value))


MOMENTS = [
    "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", "2024-02-29 12:34:56.123456", "2024-02-29T12:34:56.1",
    "2024-02-29 12:34", "2024-02-29", "1900-01-01 00:00:00.000001", "2024-02-29 12:34:56.1234567",
]  # fmt: skip


@pytest.mark.parametrize("value", MOMENTS)
def test_timestamps_cross(ferry: Ferry, value: str) -> None:
    check_crosses(ferry, "timestamp", value, datetime.datetime.fromisoformat(value))


@pytest.mark.parametrize(
    "value", [*MOMENTS, "2024-02-29T12:34:56Z", "2024-02-29 12:34:56+05:45", "2024-02-29T12:34-03"]
)
def test_instants_cross(ferry: Ferry, value: str) -> None:
    moment = datetime.datetime.fromisoformat(value)
    ferry.column("timestamptz", value, None)
    ferry.load()
    # psycopg cannot tell every instant of the years 1 and 9999 in every zone: microseconds since 1970 can.
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.datetime(1970, 1, 1, tzinfo=UTC)
    expected = seconds // datetime.timedelta(microseconds=1)
    assert ferry.rows("SELECT (extract(epoch FROM v) * 1000000)::bigint FROM t ORDER BY id") == [(expected,), (None,)]


@pytest.mark.parametrize(
    ("value", "in_utc"),
    [
        ("2024-07-01 12:00:00", "2024-07-01 10:00:00"),
        ("2024-01-01 12:00:00.000001", "2024-01-01 11:00:00.000001"),
        ("2024-07-01 12:00:00Z", "2024-07-01 12:00:00"),
        ("1800-01-01 00:00:00", "1799-12-31 22:47:48"),  # before there were zones: local mean time
    ],
)
def test_naive_text_is_in_the_sources_zone(ferry: Ferry, value: str, in_utc: str) -> None:
    ferry.zone = "Europe/Stockholm"
    check_crosses(ferry, "timestamptz", value, datetime.datetime.fromisoformat(in_utc).replace(tzinfo=UTC))


@pytest.mark.parametrize("value", ["2024-10-27 02:30:00", "2024-03-31 02:30:00"], ids=["twice", "never"])
def test_local_times_without_one_meaning_are_refused(ferry: Ferry, value: str) -> None:
    ferry.zone = "Europe/Stockholm"
    check_refuses(ferry, "timestamptz", value, "malformed", good="2024-10-27 04:00:00")


@pytest.mark.parametrize("value", [0, 1, -1, 86_400_000_000, -90_061_000_001, 2**53 + 1])
def test_intervals_cross_as_the_same_timedelta(ferry: Ferry, value: int) -> None:
    check_crosses(ferry, "interval", value, datetime.timedelta(microseconds=value))


#: A sound value of each type, before and after the bad one.
GOOD: dict[str, Any] = {
    "smallint": 1, "integer": 1, "bigint": 1, "boolean": 1, "numeric(5,2)": 1.5, "double precision": 1.5, "real": 1.5,
    "text": "a", "bytea": b"a", "json": "1", "jsonb": "1", "uuid": ANY, "date": "2024-01-01", "time": "10:00:00",
    "timestamp": "2024-01-01 10:00:00", "timestamptz": "2024-01-01 10:00:00", "interval": 1, "varchar(9)": "a",
}  # fmt: skip
TEXTS = ("text", "varchar(9)", "json", "jsonb", "uuid", "date", "time", "timestamp", "timestamptz")
WHOLE = ("smallint", "integer", "bigint", "boolean", "interval")
WRONG_STORAGE = [
    *[(type_sql, value) for type_sql in WHOLE for value in ("12", "12abc", "", 1.5, 1.0, b"1")],
    *[(type_sql, value) for type_sql in ("numeric(5,2)", "real", "double precision") for value in ("12", "1.5", b"1")],
    *[(type_sql, value) for type_sql in TEXTS for value in (1, 1.5, b"a", b"")],
    *[("bytea", value) for value in ("a", "", 1, 1.5)],
]
NOT_UTF8 = Expression("CAST(x'ff' AS TEXT)")
NUL = Expression("CAST(x'610062' AS TEXT)")
MALFORMED = [
    ("smallint", 2**15), ("smallint", -(2**15) - 1), ("smallint", 2**63 - 1), ("integer", 2**31),
    ("integer", -(2**31) - 1), ("integer", -(2**63)), ("boolean", 2), ("boolean", -1), ("boolean", -(2**63)),
    ("numeric(5,2)", 1000), ("numeric(5,2)", 999.995), ("numeric(5,2)", -1e300), ("numeric(5,2)", 2**63 - 1),
    ("numeric(5,2)", float("inf")), ("numeric(5,2)", -float("inf")),
    ("double precision", 2**53 + 1), ("double precision", 2**63 - 1), ("double precision", -(2**53) - 1),
    ("real", 0.1 + 0.2), ("real", 0.10000000149011612), ("real", 1e39), ("real", 16777217.0), ("real", 2**53 + 1),
    *[(type_sql, bad) for type_sql in TEXTS for bad in (NUL, NOT_UTF8)],
    *[(type_sql, Expression("CAST(x'eda080' AS TEXT)")) for type_sql in ("text", "json", "jsonb")],
    *[(t, bad) for t in ("json", "jsonb") for bad in ("", "NaN", "Infinity", "{'a': 1}", "[1,]", "{", " ")],
    *[(t, Expression("CAST(x'3100' AS TEXT)")) for t in ("json", "jsonb")],
    *[("uuid", bad) for bad in (
        "", "x", ANY[:-1], ANY + "0", ANY[:-1] + "g", "[" + ANY + "]", "{" + ANY[1:] + "}", f"URN:UUID:{ANY}", " " * 32,
        "1_" * 16)],
    ("uuid", Expression(f"'{'0' * 32}' || char(0)")),
    *[(t, bad) for t in ("date", "timestamp", "timestamptz", "time") for bad in ("", " ", "now", "0")],
    *[("date", d) for d in (
        "0000-00-00", "0000-01-01", "2023-02-29", "2023-02-30", "2023-13-01", "10000-01-01", "2024-01-01 00:00:00",
        "-001-01-01", " 2024-01-01", "2024-01-01 ", "01/02/2024", "2024-01-01T", "2024-1-1\x00")],
    *[(t, v) for t in ("timestamp", "timestamptz") for v in (
        "2023-02-30 10:00:00", "0000-00-00 00:00:00", "0000-01-01 00:00:00", "2024-01-01 24:00:00",
        "2024-01-01 10:60:00", "2024-06-30 23:59:60", "2024-01-01 10:00:00.", "10000-01-01 00:00:00",
        " 2024-01-01 10:00:00", "2024-01-01 10:00:00+25:00", "2024-1-1 10", "2024-1-1", "24-1-1 10:00",
        "2024-1-1 10:00 \x00")],
    *[("time", v) for v in (
        "24:00:00", "10:60", "23:59:60", "10:00:00+02:00", "10:00:00Z", "2024-01-01 10:00:00", " 10:00:00", "10:00:")],
]  # fmt: skip


@pytest.mark.parametrize(("type_sql", "value"), WRONG_STORAGE)
def test_another_storage_class_is_refused(ferry: Ferry, type_sql: str, value: Value) -> None:
    check_refuses(ferry, type_sql, value, "wrong_storage", good=GOOD[type_sql])


@pytest.mark.parametrize(("type_sql", "value"), MALFORMED)
def test_what_the_type_cannot_hold_is_refused(ferry: Ferry, type_sql: str, value: Value) -> None:
    check_refuses(ferry, type_sql, value, "malformed", good=GOOD[type_sql])


@pytest.mark.parametrize("type_sql", GOOD)
def test_faults_in_a_late_batch_are_the_same(ferry: Ferry, type_sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver takes its types from the first batch: what it does with later ones is another way."""
    monkeypatch.setattr("migrate_to_pg.codecs.reader.BATCH_ROWS", 2)
    wrong = [value for name, value in WRONG_STORAGE if name == type_sql]
    bad = [value for name, value in MALFORMED if name == type_sql]
    ferry.column(type_sql, *[GOOD[type_sql]] * 5, *wrong, *[None] * 3, *bad, GOOD[type_sql])
    expected = [""] * 5 + ["wrong_storage"] * len(wrong) + ["null"] * 3 + ["malformed"] * len(bad) + [""]
    assert marks(ferry.batches()) == expected
    assert [row for batch in ferry.batches() for row in rowids(batch)] == list(range(1, len(expected) + 1))


@pytest.mark.parametrize("type_sql", GOOD)
def test_the_types_that_django_declares_change_nothing(ferry: Ferry, type_sql: str) -> None:
    declared = {"interval": "bigint", "json": "text", "jsonb": "text"}.get(type_sql, type_sql)
    ferry.column(type_sql, GOOD[type_sql], None, declared=declared)
    assert marks(ferry.batches()) == ["", "null"]
