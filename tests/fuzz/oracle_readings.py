"""A stored cell of SQLite's in, what Django reads there out: equal to what psycopg gives for the same on PostgreSQL.

Written by hand from Django's documentation and from SQLite's, for the oracle alone.
"""

from __future__ import annotations

import datetime
import decimal
import ipaddress
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

#: (storage class, value); text and blobs as bytes.
Stored = tuple[str, Any]
#: What a cell means; equal where PostgreSQL says the same as Django on SQLite.
Meaning = Any


@dataclass(frozen=True)
class Column:
    """A column as information_schema tells it."""

    name: str
    kind: str
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True)
class Unreadable:
    """What Django does not read as the column's type, so that nothing on PostgreSQL can be the same."""

    storage: str
    value: Any


def whole(storage: str, value: Any, _: Column) -> Meaning:
    return value if storage == "integer" else Unreadable(storage, value)


def boolean(storage: str, value: Any, _: Column) -> Meaning:
    return bool(value) if storage == "integer" and value in (0, 1) else Unreadable(storage, value)


def text(storage: str, value: Any, _: Column) -> Meaning:
    """UTF-8, byte for byte."""
    try:
        return value if storage == "text" and value.decode() is not None else Unreadable(storage, value)
    except UnicodeDecodeError:
        return Unreadable(storage, value)


#: Django 6.1 takes integers as they are; before, they are rounded to SQLite's 15 digits as REALs are.
EXACT_INTEGERS = tuple(map(int, metadata.version("django").split(".")[:2])) >= (6, 1)
FIFTEEN = decimal.Context(prec=15)


def number(storage: str, value: Any, column: Column) -> Meaning:
    """DecimalField: 15 significant digits, then the field's places, half to even."""
    if storage not in ("integer", "real"):
        return Unreadable(storage, value)
    exact = storage == "integer" and EXACT_INTEGERS
    read = decimal.Decimal(value) if exact else FIFTEEN.create_decimal(decimal.Decimal(value))
    try:
        return read.quantize(decimal.Decimal(10) ** -column.scale, context=decimal.Context(prec=column.precision))
    except decimal.InvalidOperation:
        return Unreadable(storage, value)


#: Django's own second try, where ISO 8601 is not kept to.
LOOSE = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,6})\d{0,6})?)?"
    r"\s*(Z|[+-]\d{2}(?::?\d{2})?)?$"
)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MICROSECOND = datetime.timedelta(microseconds=1)
#: PostgreSQL knows years before 1 and after 9999, and Django, which asks in UTC, could not read them there.
KNOWN = range((datetime.datetime.min.replace(tzinfo=datetime.UTC) - EPOCH) // MICROSECOND, 253_402_300_800_000_000)


def instant(storage: str, value: Any, _: Column) -> Meaning:
    """DateTimeField with USE_TZ: microseconds since 1970; what has no offset is UTC."""
    try:
        moment = moment_of(value.decode()) if storage == "text" else None
    except ValueError:
        moment = None
    if moment is None:
        return Unreadable(storage, value)
    offset = moment.utcoffset() or datetime.timedelta()
    passed = (moment.replace(tzinfo=datetime.UTC) - EPOCH - offset) // MICROSECOND
    return passed if passed in KNOWN else Unreadable(storage, value)


def moment_of(written: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(written)
    except ValueError:
        found = LOOSE.match(written)
    if not found:
        return None
    *parts, fraction, zone = found.groups()
    year, month, day, hour, minute, second = (int(p or 0) for p in parts)
    micro = int((fraction or "0").ljust(6, "0"))
    return datetime.datetime(year, month, day, hour, minute, second, micro, zone_of(zone))


def zone_of(written: str | None) -> datetime.timezone | None:
    if written is None or written == "Z":
        return datetime.UTC if written else None
    minutes = int(written[1:3]) * 60 + int(written[-2:] if len(written) > 3 else 0)
    return datetime.timezone(datetime.timedelta(minutes=-minutes if written[0] == "-" else minutes))


#: Django's own second try for dates.
LOOSE_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})$")


def day(storage: str, value: Any, _: Column) -> Meaning:
    """DateField: a date by ISO 8601, or year, month and day with fewer digits."""
    try:
        written = value.decode() if storage == "text" else ""
        try:
            return datetime.date.fromisoformat(written)
        except ValueError:
            found = LOOSE_DAY.match(written)
            return datetime.date(*map(int, found.groups())) if found else Unreadable(storage, value)
    except ValueError:
        return Unreadable(storage, value)


#: The first byte of PostgreSQL's binary inet, by version.
FAMILY = {4: 2, 6: 3}


def address(storage: str, value: Any, _: Column) -> Meaning:
    """GenericIPAddressField: the bytes that PostgreSQL sends for the same address, in hexadecimal."""
    try:
        written = value.decode() if storage == "text" else ""
        host, _slash, prefix = written.partition("/")
        read = ipaddress.ip_interface(written)
    except ValueError:
        return Unreadable(storage, value)
    if "%" in host or not (prefix or "0").isdecimal():
        return Unreadable(storage, value)
    head = bytes([FAMILY[read.version], read.network.prefixlen, 0, len(read.packed)])
    return (head + read.packed).hex()


def _refuse(name: str) -> Meaning:
    raise ValueError(name)


def document(storage: str, value: Any, _: Column) -> Meaning:
    """JSONField: what json reads, its keys in order, without NaN and infinity, which are no JSON."""
    try:
        return in_order(value) if storage == "text" else Unreadable(storage, value)
    except ValueError:
        return Unreadable(storage, value)


def in_order(written: bytes | str) -> str:
    """The same JSON with its keys sorted: PostgreSQL keeps no order of them."""
    return json.dumps(json.loads(written, parse_constant=_refuse), sort_keys=True)


#: information_schema's data_type -> (reading on SQLite, expression on PostgreSQL).
KINDS: dict[str, tuple[Callable[[str, Any, Column], Meaning], str]] = {
    "smallint": (whole, "{}"),
    "integer": (whole, "{}"),
    "bigint": (whole, "{}"),
    "boolean": (boolean, "{}"),
    "character varying": (text, "convert_to({}, 'UTF8')"),
    "text": (text, "convert_to({}, 'UTF8')"),
    "numeric": (number, "{}"),
    "jsonb": (document, "{}"),
    "inet": (address, "encode(inet_send({}), 'hex')"),
    "date": (day, "{}"),
    "timestamp with time zone": (instant, "(extract(epoch FROM {}) * 1000000)::numeric"),
}


def meaning(stored: Stored, column: Column) -> Meaning:
    storage, value = stored
    return None if storage == "null" else KINDS[column.kind][0](storage, value, column)
