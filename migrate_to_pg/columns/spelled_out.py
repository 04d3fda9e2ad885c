"""Types that travel as text: PostgreSQL itself reads it, in a cast, as it would read a constant.

Arrays, ranges, enums, hstore and whatever else a column may be: SQLite TEXT -> text. numeric without precision, or of
more digits than Arrow's decimals have: the number that Django reads, in plain digits.

PostgreSQL's own reading of a text may keep less than is there, and says nothing: money is rounded to cents, a date
drops the time of day. Such a text is malformed here.
"""

from __future__ import annotations

import decimal
import re
import struct
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.columns.codec import (
    BYTES,
    REAL,
    Codec,
    Context,
    Converted,
    Doubtful,
    either,
    one_by_one,
    within,
    without,
)
from migrate_to_pg.columns.decimals import LARGE, SHORT, as_django_reads, sqlite_decimal
from migrate_to_pg.columns.text import read_text


def _numeric(arrays: Sequence[pa.Array], context: Context) -> Converted:
    values, *large = arrays
    if not large and not within(values, -SHORT, SHORT):
        raise Doubtful
    integers = large[0].to_pylist() if large else [None] * len(values)
    exact = [r if x is None else int(x) for r, x in zip(values.to_pylist(), integers, strict=True)]
    read = sqlite_decimal if context.column.precision is None else as_django_reads
    return one_by_one(
        exact,
        lambda value: format(read(value, context.column), "f"),
        pa.string(),
        errors=(decimal.InvalidOperation, OverflowError, ValueError),
    )


def _anything(arrays: Sequence[pa.Array], context: Context) -> Converted:
    text = read_text(arrays, context)
    element = context.column.type_name.removeprefix("_")
    if element == "float4":
        return _floats(text)
    lost = next((pattern for types, pattern in _LOST if element in types), None)
    if lost is None:
        return text
    whole = without(text.values, pc.match_substring_regex(text.values, lost))
    return Converted(values=whole.values, malformed=either(text.malformed, whole.malformed))


def _floats(text: Converted) -> Converted:
    """Arrays of float4: each number must be the shortest that means what 32 bits make of it, or longer by zeros."""
    judged = one_by_one(text.values.to_pylist(), _require_narrow, pa.string(), errors=(ValueError, OverflowError))
    return Converted(values=judged.values, malformed=either(text.malformed, judged.malformed))


def _require_narrow(text: str) -> str:
    for number in map(float, _NUMBER.findall(text)):
        (narrow,) = struct.unpack("f", struct.pack("f", number))
        if float(pa.scalar(narrow, pa.float32()).cast(pa.string()).as_py()) != number:
            raise ValueError(f"{number} would be rounded")
    return text


_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
#: What only the day of the cast gives a meaning; digits beyond the microsecond.
_TIME = r"(?i)\b(now|today|tomorrow|yesterday)\b|\.\d{6}\d*[1-9]"
_OFFSET = r":\d\d(\.\d+)?\s*([+-]\s*\d|z\b)"
#: Element types -> the regular expression of a text of which PostgreSQL would keep less than is there.
_LOST = (
    (("money",), r"[.]\d\d\d*[1-9]"),
    (("date", "daterange", "datemultirange"), rf"{_TIME}|:"),
    (("time",), rf"{_TIME}|{_OFFSET}|\d-\d"),
    (("timestamp", "tsrange", "tsmultirange"), rf"{_TIME}|{_OFFSET}"),
    (("timestamptz", "tstzrange", "tstzmultirange", "timetz", "interval"), _TIME),
)


def _string(_: object) -> pa.DataType:
    return pa.string()


anything = Codec(storage=("text",), renderings=(BYTES,), convert=_anything, arrow=_string, by_text=True)
numeric = Codec(storage=("real", "integer"), renderings=(REAL, LARGE), convert=_numeric, arrow=_string, by_text=True)
