"""Define the SQL functions of the rules, which evaluate what one value is on PostgreSQL.

``pg_date`` and the like return a canonical form, or NULL where the value has none. The ``..._fault`` functions name the
fault of a value, or return NULL where it has none. The codecs do the same to whole batches. These functions do it for
single rows, where the codecs have found a fault.
"""

from __future__ import annotations

import contextlib
import decimal
import functools
import json
import math
import re
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

from migrate_to_pg.codecs.datetimes import (
    AmbiguousTimeError,
    parse_date,
    parse_datetime,
    parse_instant,
    parse_local,
    parse_time,
)
from migrate_to_pg.codecs.numeric import as_django_reads, fifteen_digits, sqlite_decimal
from migrate_to_pg.codecs.text import binary_address
from migrate_to_pg.records import TargetColumn

_Function = Callable[..., str | int]


def register(database: sqlite3.Connection, time_zone: str) -> None:
    """Register the functions. ``time_zone`` is the meaning of naive text in a timestamptz column.

    LIKE becomes case-sensitive, as it is on PostgreSQL.
    """
    database.execute("PRAGMA case_sensitive_like = ON")
    zone = ZoneInfo(time_zone)
    functions: dict[str, tuple[int, _Function]] = {
        "pg_numeric": (4, _numeric),
        "pg_rounds": (3, _rounds),
        "pg_rounds_whole": (1, lambda value: fifteen_digits(value) != value),
        "pg_date": (1, lambda text: parse_date(text).isoformat()),
        "pg_time": (1, lambda text: parse_time(text).isoformat()),
        "pg_timestamp": (1, lambda text: parse_local(text, zone).isoformat()),
        "pg_timestamptz": (1, lambda text: parse_instant(text, zone).isoformat()),
        "pg_has_offset": (1, lambda text: parse_datetime(text).tzinfo is not None),
        "pg_inet": (1, lambda text: binary_address(text).hex()),
        "pg_cidr": (1, lambda text: binary_address(text, network=True).hex()),
        "match": (2, _matches),
        "pg_lower": (1, lambda text: _case(text, "lower")),
        "pg_upper": (1, lambda text: _case(text, "upper")),
    }
    for function, (arguments, canonical) in functions.items():
        database.create_function(function, arguments, _or_null(canonical), deterministic=True)
    database.create_function("pg_json_number", 1, json_number, deterministic=True)
    database.create_function("pg_json_depth", 1, json_depth, deterministic=True)
    database.create_function("pg_json_too_deep", 1, json_too_deep, deterministic=True)
    # A size below which no compression without entropy coding, such as PostgreSQL's, can get.
    database.create_function("pg_packed", 1, lambda raw: len(zlib.compress(raw, 9)), deterministic=True)
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
            # Text is passed as bytes: Python's sqlite3 fails on arguments that are no UTF-8.
            return canonical(value.decode() if isinstance(value, bytes) else value, *arguments)
        except (ValueError, TypeError, OverflowError, decimal.InvalidOperation, re.error):
            return None

    return call


# --- canonical forms --------------------------------------------------------------------------------------------------


def _numeric(value: float, precision: int, scale: int, exact: int) -> str:
    number = as_django_reads(value, _numeric_column(precision, scale, bool(exact)))
    # PostgreSQL's numeric has no minus zero; a sum would round to the 28 digits of Python's own context.
    return str(number if number else abs(number))


def _rounds(value: float, precision: int, scale: int) -> int:
    """Return 1 where the 15 digits that Django takes of a REAL hold more decimals than the column."""
    column = _numeric_column(precision, scale, False)
    return as_django_reads(value, column) != sqlite_decimal(value, column)


@functools.cache
def _numeric_column(precision: int, scale: int, exact: bool) -> TargetColumn:
    return TargetColumn(
        name="", type_name="numeric", type_sql="numeric", not_null=False, precision=precision, scale=scale, exact=exact
    )


def _case(text: str, function: str) -> str:
    """Change the case letter by letter, as a locale does: 'ß' has no capital of one letter, and is kept."""
    changed = ((letter, getattr(letter, function)()) for letter in text)
    return "".join(other if len(other) == 1 else letter for letter, other in changed)


def _matches(pattern: str, raw: Any) -> bool:
    """Return whether a regular expression is found. PostgreSQL's dot is any character, its dollar the very end."""
    return re.search(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), str(raw, "utf-8"), re.DOTALL) is not None


#: Nested arrays and objects that SQLite takes since 3.42.
MOST_LEVELS = 1000


# --- faults -----------------------------------------------------------------------------------------------------------


def text_fault(raw: bytes) -> str | None:
    """Return the fault of a text's bytes: 'surrogate', 'utf-8' or 'nul'."""
    for errors, fault in (("strict", "nul" if b"\0" in raw else None), ("surrogatepass", "surrogate")):
        with contextlib.suppress(UnicodeDecodeError):
            raw.decode("utf-8", errors)
            return fault
    return "utf-8"


def clock_fault(raw: bytes, zone: ZoneInfo) -> str | None:
    """Return the fault of a timestamp's text: 'form', or 'clock' where the clocks showed it twice or never."""
    try:
        parse_instant(raw.decode(), zone)
    except AmbiguousTimeError:
        return "clock"
    except (ValueError, OverflowError):
        return "form"
    return None


def json_fault(raw: bytes) -> str | None:
    """Return why jsonb cannot hold a JSON text that SQLite finds valid: 'nul', 'surrogate' or 'number'."""
    with contextlib.suppress(ValueError):
        for token in _scalars(raw):
            if token[0] != '"':
                # Without an exponent it keeps its point in jsonb, and is read as infinite there, too.
                if "e" in token.lower() and math.isinf(float(token)):
                    return "number"
                continue
            text = json.loads(token) if "\\" in token else token
            if "\0" in text:
                return "nul"
            if any("\ud800" <= c <= "\udfff" for c in text):
                return "surrogate"
    return None


def json_number(raw: bytes) -> bool:
    """Return whether a JSON text has a finite float that jsonb prints as an integer, or a negative zero."""
    with contextlib.suppress(ValueError):
        for number in _scalars(raw):
            mantissa, _, exponent = number.lower().partition("e")
            decimals = len(mantissa.partition(".")[2])
            if number[0] == '"' or not (exponent or decimals):
                continue
            as_integer = bool(exponent) and int(exponent) >= decimals and not math.isinf(float(number))
            if as_integer or (mantissa[0] == "-" and float(number) == 0):
                return True
    return False


def json_depth(raw: bytes) -> int:
    """Return how many arrays and objects of a JSON text are nested within one another."""
    depth = deepest = 0
    for token in _BRACKET_OR_STRING.findall(raw):
        depth += (token in b"[{") - (token in b"]}")
        deepest = max(deepest, depth)
    return deepest


def json_too_deep(raw: bytes) -> bool:
    """Return whether Python gives up, as it does in Django, on a JSON text that SQLite takes."""
    if json_depth(raw) > MOST_LEVELS:
        return False
    try:
        json.loads(raw)
    except RecursionError:
        return True
    except ValueError:
        return False
    return False


def _scalars(raw: bytes) -> Iterator[str]:
    """Yield every key, text and number as written, at any depth, including the first of two equal keys."""
    return (found[0] for found in _SCALAR.finditer(raw.decode()))


_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_SCALAR = re.compile(_STRING + r"|-?[0-9][0-9.eE+-]*", re.DOTALL)
_BRACKET_OR_STRING = re.compile((_STRING + r"|[\[\]{}]").encode(), re.DOTALL)
