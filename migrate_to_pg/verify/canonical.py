"""Give each value of SQLite and PostgreSQL its canonical form: texts that are equal if the values are.

These functions are the final judge. A source value is read as Django's ORM reads it on SQLite. A target value is read
as PostgreSQL sent it. Readable forms begin with "=". A value that Django could not read begins with "?". A value that
has no counterpart in SQLite begins with "!". So neither can equal anything on the other side.

The rules that are not plain equality:

* Numbers are equal by value: the integer 3 and the real 3.0, the decimals 1.5 and 1.50. A text that holds an integer
  in its canonical form (no sign +, no leading zero, no space) is that integer.
* JSON values are equal by value: the order of keys and the spacing do not matter, and 1, 1.0 and 1e0 are one number
  compared exactly, however long. true is not 1, and the last of two equal keys counts, as in Python and in jsonb.
* Floating-point numbers are equal bit by bit, so -0.0 is not 0.0.
* Text is equal code point by code point: no case folding, no normalisation, no trimming, except that char(n) does not
  keep trailing spaces.
* Instants are equal by microsecond, in any offset. Text without an offset is in the source's time zone. At the hour
  that comes twice it is the first, as Django reads it.
* Addresses are equal as addresses ("2001:DB8::1" is "2001:db8::1"), UUIDs by their 128 bits.
"""

from __future__ import annotations

import datetime
import decimal
import ipaddress
import re
import uuid
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import django
from django.utils.dateparse import parse_date, parse_datetime, parse_time

from migrate_to_pg.verify import canonical_json

#: What SQLite or Arrow hands over for one cell that is not NULL.
Value = Any

EPOCH = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 - naive on purpose: instants are counted from it in microseconds
EPOCH_DAY = EPOCH.toordinal()
MICROSECOND = datetime.timedelta(microseconds=1)

#: Stands for an interval that is no span of microseconds (it has months, or is beyond 64 bits).
NO_SPAN = -(2**63)

#: SQLite keeps 15 significant digits of a decimal; Django drops the rest in this way.
FIFTEEN_DIGITS = decimal.Context(prec=15)

INTEGER = re.compile(r"(?:0|-?[1-9][0-9]*)\Z")
DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFacts:
    """Hold the properties of a column that its canonical form depends on, besides the type's name."""

    precision: int | None = None
    scale: int | None = None
    #: Whether whole decimals keep all their digits, whatever Django reads of them.
    exact: bool = False
    zone: zoneinfo.ZoneInfo


Form = Callable[[Value, ColumnFacts], str]


def unreadable(value: Value) -> str:
    """Return the form of a source value that Django could not read as the column's type."""
    return f"?{value!r}"


# --- numbers ----------------------------------------------------------------------------------------------------------


def source_integer(value: Value, facts: ColumnFacts) -> str:
    """Return the form of an integer, an integral real, or the canonical text of an integer."""
    if type(value) is int:
        return f"={value}"
    if type(value) is float and value.is_integer():
        return f"={int(value)}"
    if type(value) is str and INTEGER.match(value):
        return f"={value}"
    return unreadable(value)


def target_integer(value: Value, facts: ColumnFacts) -> str:
    """Return the form of an integer of any width."""
    return f"={value}"


def source_boolean(value: Value, facts: ColumnFacts) -> str:
    """Return the form of 0 or 1, as Django compares booleans. Every other number is unreadable."""
    return f"={int(value)}" if type(value) in (int, float) and value in (0, 1) else unreadable(value)


def target_boolean(value: Value, facts: ColumnFacts) -> str:
    """Return the form of a PostgreSQL boolean."""
    return f"={int(value)}"


def source_float(value: Value, facts: ColumnFacts) -> str:
    """Return the form of a real, bit by bit, or of an integer that a real holds exactly."""
    if type(value) is int and abs(value) <= 2**53:
        value = float(value)
    return f"={value.hex()}" if type(value) is float else unreadable(value)


def target_float(value: Value, facts: ColumnFacts) -> str:
    """Return the form of a float8, or of a float4 sent as its shortest exact text, which is what Django reads."""
    return f"={float(value).hex()}"


def source_decimal(value: Value, facts: ColumnFacts) -> str:
    """Return the form of a number as DecimalField reads it: 15 digits, then the field's scale, half to even."""
    try:
        return f"={plain_decimal(read_decimal(value, facts))}"
    except (ArithmeticError, TypeError, ValueError):
        return unreadable(value)


def read_decimal(value: Value, facts: ColumnFacts) -> decimal.Decimal:
    """Convert a number as Django does. A text is taken as it is, since Django has no reading of it."""
    if type(value) is str and DECIMAL.match(value):
        return decimal.Decimal(value)
    # Since 6.1 Django takes an INTEGER as it is; before, it rounds that like a REAL.
    exact = type(value) is int and (facts.exact or django.VERSION >= (6, 1))
    number = decimal.Decimal(value) if exact else FIFTEEN_DIGITS.create_decimal_from_float(value)
    if facts.scale is None or facts.precision is None:
        return number
    return number.quantize(decimal.Decimal(1).scaleb(-facts.scale), context=decimal.Context(prec=facts.precision))


def target_decimal(value: Value, facts: ColumnFacts) -> str:
    """Return the form of a numeric sent as text, or as the float8 nearest to its at most fifteen digits."""
    number = FIFTEEN_DIGITS.create_decimal_from_float(value) if type(value) is float else decimal.Decimal(value)
    return f"={plain_decimal(number)}" if number.is_finite() else f"!{number}"


def plain_decimal(number: decimal.Decimal) -> str:
    """Format equal decimals alike, however many digits they have. Decimal.normalize would round to the context."""
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"{number} is no finite number")  # noqa: TRY004 - a value, not a type, is at fault
    text = "".join(map(str, digits)).lstrip("0")
    kept = text.rstrip("0")
    return f"{'-' if sign else ''}{kept}e{exponent + len(text) - len(kept)}" if kept else "0"


# --- times ------------------------------------------------------------------------------------------------------------


def read_datetime(value: Value) -> datetime.datetime | None:
    """Parse a datetime as Django does. Return None if it reads nothing or fails."""
    try:
        return parse_datetime(value)
    except (TypeError, ValueError):
        return None


def source_instant(value: Value, facts: ColumnFacts) -> str:
    """Return the form of a datetime: microseconds since 1970 in UTC. Text without an offset is local time."""
    moment = read_datetime(value)
    if moment is None:
        return unreadable(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=facts.zone)
    return f"={instant(moment)}"


def instant(moment: datetime.datetime) -> int:
    """Count microseconds since 1970 in UTC. Subtracting the offset first would overflow in the years 1 and 9999."""
    offset = moment.utcoffset() or datetime.timedelta()
    return (moment.replace(tzinfo=None) - EPOCH) // MICROSECOND - offset // MICROSECOND


def source_local(value: Value, facts: ColumnFacts) -> str:
    """Return the form of a datetime as local microseconds. One with an offset is first made local time."""
    moment = read_datetime(value)
    if moment is None:
        return unreadable(value)
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(facts.zone).replace(tzinfo=None)
        except OverflowError:
            return unreadable(value)
    return f"={(moment - EPOCH) // MICROSECOND}"


def source_date(value: Value, facts: ColumnFacts) -> str:
    """Return the form of a date: days since 1970."""
    try:
        day = parse_date(value)
    except (TypeError, ValueError):
        day = None
    return unreadable(value) if day is None else f"={day.toordinal() - EPOCH_DAY}"


def source_time(value: Value, facts: ColumnFacts) -> str:
    """Return the form of a time of day: microseconds since midnight."""
    try:
        time = parse_time(value)
    except (TypeError, ValueError):
        time = None
    if time is None:
        return unreadable(value)
    return f"={((time.hour * 60 + time.minute) * 60 + time.second) * 1_000_000 + time.microsecond}"


def target_span(value: Value, facts: ColumnFacts) -> str:
    """Return the form of an interval: microseconds, a day being 24 hours."""
    return "!no span of microseconds" if value == NO_SPAN else f"={value}"


# --- texts ------------------------------------------------------------------------------------------------------------


def source_text(value: Value, facts: ColumnFacts) -> str:
    """Return the form of a text. An integer in a column that SQLite made numeric is its digits."""
    return f"={value}" if type(value) in (str, int) else unreadable(value)


def target_text(value: Value, facts: ColumnFacts) -> str:
    """Return the form of a text, or of the text of any type that has no comparison of its own."""
    return f"={value}"


def source_padded(value: Value, facts: ColumnFacts) -> str:
    """Return the form of a text for char(n), which pads with spaces and so cannot keep those at the end."""
    return f"={value.rstrip(' ')}" if type(value) is str else unreadable(value)


def target_padded(value: Value, facts: ColumnFacts) -> str:
    """Return the form of a char(n)."""
    return f"={value.rstrip(' ')}"


def source_uuid(value: Value, facts: ColumnFacts) -> str:
    """Return the form of any text that Python's UUID takes, or of the 16 bytes that the quick reader makes of it."""
    if type(value) is bytes and len(value) == 16:
        return f"={value.hex()}"
    try:
        return f"={uuid.UUID(value).hex}"
    except (AttributeError, TypeError, ValueError):
        return unreadable(value)


def target_bytes(value: Value, facts: ColumnFacts) -> str:
    """Return the form of a bytea, or of the sixteen bytes of a uuid."""
    return f"={value.hex()}"


def source_bytes(value: Value, facts: ColumnFacts) -> str:
    """Return the form of a blob. A text is unreadable here."""
    return f"={value.hex()}" if type(value) is bytes else unreadable(value)


def source_address(value: Value, facts: ColumnFacts) -> str:
    """Return the form of an address, with its prefix if it has one."""
    try:
        return f"={ipaddress.ip_interface(value)}" if type(value) is str else unreadable(value)
    except ValueError:
        return unreadable(value)


def target_address(value: Value, facts: ColumnFacts) -> str:
    """Return the form of an inet or cidr as PostgreSQL prints it."""
    return f"={ipaddress.ip_interface(value)}"


def source_json(value: Value, facts: ColumnFacts) -> str:
    """Return the form of a JSON text, or of its UTF-8 bytes, which Django reads too."""
    try:
        text = value.decode() if type(value) is bytes else value
        return f"={canonical_json.canonical(text, plain_decimal)}"
    except (ArithmeticError, TypeError, ValueError):
        return unreadable(value)


def target_json(value: Value, facts: ColumnFacts) -> str:
    """Return the form of a json or jsonb value. A number beyond Decimal's range equals nothing."""
    try:
        return f"={canonical_json.canonical(value, plain_decimal)}"
    except (ArithmeticError, ValueError):
        return f"!{value}"
