"""A connection in, the same with the functions that the rules' SQL uses out: what one value is to PostgreSQL.

``pg_date`` and its like give a canonical form, NULL where the value has none; the ``..._fault`` functions name what is
wrong with a value, NULL where nothing is. They say once more what the codecs do to whole batches: these answer for
single rows, where the codecs have found that something is wrong.
"""

from __future__ import annotations

import datetime
import decimal
import functools
import json
import math
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from zoneinfo import ZoneInfo

from migrate_to_pg.columns.addresses import binary_address
from migrate_to_pg.columns.decimals import as_django_reads, sqlite_decimal
from migrate_to_pg.columns.spelled import date_of, moment_of, time_of
from migrate_to_pg.records import TargetColumn

_Function = Callable[..., str | int]


def register(database: sqlite3.Connection, time_zone: str) -> None:
    """Make the functions known; ``time_zone`` is what naive text in a timestamptz column means."""
    zone = ZoneInfo(time_zone)
    functions: dict[str, tuple[int, _Function]] = {
        "pg_numeric": (3, _numeric),
        "pg_rounds": (3, _rounds),
        "pg_date": (1, lambda text: date_of(text).isoformat()),
        "pg_time": (1, lambda text: time_of(text).isoformat()),
        "pg_timestamp": (1, lambda text: _local(text, zone).isoformat()),
        "pg_timestamptz": (1, lambda text: _instant(text, zone).isoformat()),
        "pg_inet": (1, lambda text: binary_address(text).hex()),
        "pg_case": (2, _case),
        "pg_ascii_case": (2, _ascii_case),
    }
    for function, (arguments, canonical) in functions.items():
        database.create_function(function, arguments, _or_null(canonical), deterministic=True)
    database.create_function("pg_json_number", 1, json_number, deterministic=True)
    database.create_function("pg_packed", 1, _packed, deterministic=True)
    faults: dict[str, Callable[[bytes], str | None]] = {
        "pg_text_fault": text_fault,
        "pg_clock_fault": lambda raw: clock_fault(raw, zone),
        "pg_json_fault": json_fault,
    }
    for function, fault in faults.items():
        database.create_function(function, 1, fault, deterministic=True)


def _or_null(canonical: _Function) -> Callable[..., str | int | None]:
    def call(value: object, *arguments: int | str) -> str | int | None:
        try:
            return canonical(_decoded(value), *arguments)
        except (ValueError, TypeError, OverflowError, decimal.InvalidOperation):
            return None

    return call


def _decoded(value: object) -> object:
    """Text comes as its bytes: Python's sqlite3 fails on arguments that are no UTF-8."""
    return value.decode() if isinstance(value, bytes) else value


# --- canonical forms --------------------------------------------------------------------------------------------------


def _numeric(value: float, precision: int, scale: int) -> str:
    # Plain zero for minus zero: PostgreSQL's numeric has no other.
    return str(as_django_reads(value, _numeric_column(precision, scale)) + 0)


def _rounds(value: float, precision: int, scale: int) -> int:
    """1 where the 15 digits that Django takes of a REAL hold more decimals than the column."""
    return as_django_reads(value, _numeric_column(precision, scale)) != sqlite_decimal(value)


@functools.cache
def _numeric_column(precision: int, scale: int) -> TargetColumn:
    return TargetColumn(
        name="", type_name="numeric", type_sql="numeric", not_null=False, precision=precision, scale=scale
    )


def _case(text: str, function: str) -> str:
    """Letter by letter, as a locale does: 'ß' has no capital of one letter, and stays."""
    changed = ((letter, getattr(letter, function)()) for letter in text)
    return "".join(other if len(other) == 1 else letter for letter, other in changed)


def _ascii_case(text: str, function: str) -> str:
    return "".join(getattr(letter, function)() if letter.isascii() else letter for letter in text)


def _local(text: str, zone: ZoneInfo) -> datetime.datetime:
    moment = moment_of(text)
    return moment.astimezone(zone).replace(tzinfo=None) if moment.tzinfo else moment


def _instant(text: str, zone: ZoneInfo) -> datetime.datetime:
    """ValueError where the clocks showed that local time twice, or never."""
    moment = moment_of(text)
    if moment.tzinfo is None:
        earlier, later = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        if earlier.utcoffset() != later.utcoffset():
            raise _ClockError(text)
        moment = earlier
    return moment.astimezone(datetime.UTC)


class _ClockError(ValueError):
    """A local time without one meaning."""


def _packed(raw: bytes) -> int:
    """Bytes that no compression without entropy coding, as PostgreSQL's, can do better than."""
    return len(zlib.compress(raw, 9))


# --- faults -----------------------------------------------------------------------------------------------------------


def text_fault(raw: bytes) -> str | None:
    """Of a text's bytes: 'surrogate', 'utf-8' or 'nul'."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return "surrogate" if _is_utf8_but_for_surrogates(raw) else "utf-8"
    return "nul" if b"\0" in raw else None


def _is_utf8_but_for_surrogates(raw: bytes) -> bool:
    try:
        raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def clock_fault(raw: bytes, zone: ZoneInfo) -> str | None:
    """Of a timestamp's text: 'form', or 'clock' where the clocks showed that local time twice, or never."""
    try:
        _instant(raw.decode(), zone)
    except _ClockError:
        return "clock"
    except (ValueError, OverflowError):
        return "form"
    return None


def json_fault(raw: bytes) -> str | None:
    """Of a JSON text that SQLite finds valid: 'nul', 'surrogate' or 'number', none of which jsonb can hold."""
    try:
        document = json.loads(raw, object_pairs_hook=list, parse_float=_wide, parse_int=str)
    except (ValueError, RecursionError):
        return None
    return next((fault for text in _strings([document]) if (fault := _string_fault(text))), None)


def json_number(raw: bytes) -> bool:
    """Whether a JSON text has a finite float that jsonb prints as an integer, or a negative zero."""
    found = False

    def see(number: str) -> float:
        nonlocal found
        mantissa, _, exponent = number.lower().partition("e")
        decimals = len(mantissa.partition(".")[2])
        as_integer = bool(exponent) and int(exponent) >= decimals and not math.isinf(float(number))
        found = found or as_integer or (mantissa[0] == "-" and float(number) == 0)
        return 0.0

    try:
        json.loads(raw, parse_float=see, parse_int=str)
    except (ValueError, RecursionError):
        return False
    return found


class _Wide(str):
    """A number that Django reads as infinite: jsonb refuses it, or keeps it as an integer of as many digits."""

    __slots__ = ()


def _wide(number: str) -> str:
    # Without an exponent it keeps its point in jsonb, and is read as infinite there, too.
    return _Wide() if "e" in number.lower() and math.isinf(float(number)) else ""


def _strings(parts: Iterable[object]) -> Iterator[str]:
    """Every key and every text, however deep; the pairs of objects come as tuples."""
    waiting = list(parts)
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, (list, tuple)):
            waiting.extend(part)


def _string_fault(text: str) -> str | None:
    if isinstance(text, _Wide):
        return "number"
    if "\0" in text:
        return "nul"
    return "surrogate" if any("\ud800" <= c <= "\udfff" for c in text) else None
