"""One value of SQLite's and its column go in; what a repair of that one cell makes of it comes out.

Each function states one rule's repair anew, from its description: what the proof expects of a repair is not what the
repair happens to do. A function yields the new value, or nothing where the rule has no repair for this value.
"""

from __future__ import annotations

import datetime
import decimal
import functools
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping

from migrate_to_pg.verify.canonical import FIFTEEN_DIGITS, read_datetime
from migrate_to_pg.verify.repairs.journal_reader import Value
from migrate_to_pg.verify.rows import Column

Explain = Callable[[Value, Column], Iterator[Value]]

INTEGERS = frozenset({"int2", "int4", "int8"})
TEXTS = frozenset({"varchar", "text", "citext", "bpchar"})
NUMBERS = frozenset({"numeric", "float4", "float8"})
TRUE, FALSE = frozenset({"true", "t", "yes", "y", "on", "1"}), frozenset({"false", "f", "no", "n", "off", "0"})
#: Type -> the declared types of SQLite's whose bytes Django decodes.
MOMENTS = ("datetime", "timestamp")
DECODED = {"date": ("date",), "time": ("time",), "timestamp": MOMENTS, "timestamptz": MOMENTS}

WHOLE = re.compile(r"(?:0|-?[1-9][0-9]*)\Z", re.ASCII)
PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?\Z", re.ASCII)
DAY_AND_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?\Z", re.ASCII
)
NO_DAYS = frozenset({"", "0000-00-00", "0000-00-00 00:00:00"})
#: A JSON escape; a high and a low surrogate together are one.
ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)


def type_of(column: Column) -> str:
    """The name of PostgreSQL's type."""
    return column.planned.target.type_name


def null(column: Column) -> Iterator[Value]:
    """NULL, where PostgreSQL's column takes it."""
    if not column.planned.target.not_null:
        yield None


def whole_number(text: str) -> int | None:
    """The number of 64 bits that a text spells in the one canonical way."""
    number = int(text) if WHOLE.match(text) and len(text) <= 20 else None
    return number if number is not None and -(2**63) <= number < 2**63 else None


def null_in_not_null(value: Value, column: Column) -> Iterator[Value]:
    """The empty text for NULL."""
    if value is None and column.planned.target.not_null and type_of(column) in TEXTS:
        yield ""


def text_too_long(value: Value, column: Column) -> Iterator[Value]:
    """As many characters as the column holds, from the left."""
    limit = column.planned.target.max_length
    if isinstance(value, str) and limit is not None and len(value) > limit:
        yield value[:limit]


def nul_in_text(value: Value, column: Column) -> Iterator[Value]:
    """The text without its characters NUL."""
    if isinstance(value, str) and "\0" in value:
        yield "".join(character for character in value if character != "\0")


def invalid_utf8(value: Value, column: Column) -> Iterator[Value]:
    """Windows-1252 or Latin-1 for each byte that is no UTF-8; such bytes come as lone surrogates."""
    if isinstance(value, str) and any("\udc80" <= character <= "\udcff" for character in value):
        yield "".join(_legacy(c) if "\udc80" <= c <= "\udcff" else c for c in value)


def _legacy(escaped: str) -> str:
    byte = bytes([ord(escaped) - 0xDC00])
    try:
        return byte.decode("cp1252")
    except UnicodeDecodeError:
        return byte.decode("latin-1")


def boolean_value(value: Value, column: Column) -> Iterator[Value]:
    """1 or 0 for the words and numbers that mean them."""
    if type_of(column) == "bool" and isinstance(value, float) and value in (0.0, 1.0):
        yield int(value)
    if type_of(column) == "bool" and isinstance(value, str):
        word = value.strip().lower()
        yield from [1] if word in TRUE else [0] if word in FALSE else []


def boolean_as_read(value: Value, column: Column) -> Iterator[Value]:
    """1, 0 or NULL, as Django reads: by the bytes where it converts, else of the numbers 1 and 0 alone."""
    if type_of(column) != "bool" or value is None:
        return
    if declared(column) == "bool":
        yield from null(column) if value in ("", b"") else [int(value in ("1", b"1"))]
    elif isinstance(value, float) and value in (0.0, 1.0):
        yield int(value)


def declared(column: Column) -> str:
    """The first word of SQLite's type, by which Python chooses a converter."""
    return re.split(r"[ (]", column.planned.source.declared_type)[0].lower()


def text_as_blob(value: Value, column: Column) -> Iterator[Value]:
    """The characters of a blob, in a column where Django decodes it."""
    if type_of(column) in ("json", "jsonb") or declared(column) in DECODED.get(type_of(column), ()):
        yield from _decoded(value)


def wrong_storage_class(value: Value, column: Column) -> Iterator[Value]:
    """The same value in the storage class that the column should have."""
    name = type_of(column)
    if name != "bool":
        convert = next((convert for types, convert in CONVERSIONS if name in types), _decoded)
        yield from convert(value)


def _to_integer(value: Value) -> Iterator[Value]:
    if isinstance(value, str):
        number = whole_number(value)
        yield from [] if number is None else [number]
    elif isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        yield int(value)


def _to_text(value: Value) -> Iterator[Value]:
    if isinstance(value, float):
        text = sqlite_text(value)
        yield from [text] if float(text) == value else []
    elif isinstance(value, int):
        yield str(value)
    else:
        yield from _decoded(value)


def _decoded(value: Value) -> Iterator[Value]:
    if isinstance(value, bytes) and b"\0" not in value:
        try:
            yield value.decode()
        except UnicodeDecodeError:
            return


def _to_number(value: Value) -> Iterator[Value]:
    if not isinstance(value, str) or not PLAIN.match(value):
        return
    exact, real = decimal.Decimal(value), float(value)
    if abs(real) == float("inf") or FIFTEEN_DIGITS.create_decimal_from_float(real) != exact:
        return
    yield int(value) if "." not in value and abs(exact) < 2**53 else real


def _to_bytes(value: Value) -> Iterator[Value]:
    if isinstance(value, str):
        yield value.encode("utf-8", "surrogateescape")


#: Of every other type SQLite keeps the text.
CONVERSIONS: tuple[tuple[frozenset[str], Callable[[Value], Iterator[Value]]], ...] = (
    (INTEGERS, _to_integer),
    (TEXTS, _to_text),
    (NUMBERS, _to_number),
    (frozenset({"bytea"}), _to_bytes),
)


@functools.cache
def _memory() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", check_same_thread=False)


def sqlite_text(value: float) -> str:
    """The text that SQLite itself makes of a real."""
    return str(_memory().execute("SELECT CAST(? AS TEXT)", [value]).fetchone()[0])


def malformed_date(value: Value, column: Column) -> Iterator[Value]:
    """NULL for no date at all; of a date and time, the date."""
    if not isinstance(value, str) or type_of(column) != "date":
        return
    if value in NO_DAYS:
        yield from null(column)
    match = DAY_AND_TIME.match(value)
    if match and _is_day(match[1]):
        yield match[1]


def _is_day(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def malformed_timestamp(value: Value, column: Column) -> Iterator[Value]:
    """NULL for no moment at all."""
    if value in NO_DAYS and type_of(column) in ("timestamp", "timestamptz"):
        yield from null(column)


def ambiguous_local_time(value: Value, column: Column) -> Iterator[Value]:
    """The text with the offset of its first reading, where a change of the clock gives it two readings."""
    if not isinstance(value, str) or ":" not in value or type_of(column) != "timestamptz":
        return
    moment = read_datetime(value)
    if moment is None or moment.tzinfo is not None:
        return
    first, second = (moment.replace(tzinfo=column.facts.zone, fold=fold).utcoffset() for fold in (0, 1))
    if first is not None and first != second:
        minutes, odd = divmod(abs(first) // datetime.timedelta(seconds=1), 60)
        sign = "-" if first < datetime.timedelta() else "+"
        yield from [] if odd else [f"{value}{sign}{minutes // 60:02}:{minutes % 60:02}"]


def json_escape(value: Value, column: Column) -> Iterator[Value]:
    """JSON without the escape of NUL, and with U+FFFD for half a surrogate pair."""
    if isinstance(value, str) and type_of(column) in ("json", "jsonb"):
        changed = ESCAPE.sub(_bearable, value)
        yield from [changed] if changed != value else []


def _bearable(escape: re.Match[str]) -> str:
    text = escape[0].lower()
    if text == "\\u0000":
        return ""
    return "\\ufffd" if len(text) == 6 and re.match(r"\\ud[89a-f]", text) else escape[0]


def empty(value: Value, column: Column) -> Iterator[Value]:
    """NULL for the empty text."""
    if value == "":
        yield from null(column)


def always_null(value: Value, column: Column) -> Iterator[Value]:
    """NULL for any value; whether it may be is asked of the other tables."""
    if value is not None:
        yield from null(column)


#: Rule -> its repair of one cell.
CELLS: Mapping[str, Explain] = {
    "null-in-not-null": null_in_not_null,
    "text-too-long": text_too_long,
    "nul-in-text": nul_in_text,
    "invalid-utf8": invalid_utf8,
    "wrong-storage-class": wrong_storage_class,
    "text-as-blob": text_as_blob,
    "boolean-value": boolean_value,
    "boolean-as-read": boolean_as_read,
    "malformed-date": malformed_date,
    "malformed-timestamp": malformed_timestamp,
    "malformed-time": empty,
    "ambiguous-local-time": ambiguous_local_time,
    "json-escape": json_escape,
    "invalid-json": empty,
    "invalid-uuid": empty,
    "invalid-inet": empty,
    "malformed-value": empty,
    "empty-key": empty,
    "foreign-key-orphan": always_null,
}
