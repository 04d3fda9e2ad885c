"""Types that travel as text: PostgreSQL itself reads it, in a cast, as it would read a constant.

Arrays, ranges, enums, hstore and whatever else a column may be: SQLite TEXT -> text. numeric without precision, or of
more digits than Arrow's decimals have: the number that Django reads, in plain digits.

PostgreSQL's own reading of a text may keep less than is there, and says nothing: money is rounded to cents, a date
drops the time of day. Such a text is malformed here; which they are is said in ``kept``.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs.base import (
    BYTES,
    REAL,
    Codec,
    Context,
    Converted,
    NeedsCheckedRead,
    either,
    one_by_one,
    within,
    without,
)
from migrate_to_pg.codecs.numeric import LARGE, SHORT, as_django_reads, sqlite_decimal
from migrate_to_pg.codecs.text import read_text
from migrate_to_pg.codecs.text_types import judge_of, lost_patterns


def _numeric(arrays: Sequence[pa.Array], context: Context) -> Converted:
    values, *large = arrays
    if not large and not within(values, -SHORT, SHORT):
        raise NeedsCheckedRead
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
    found = read_text(arrays, context)
    for pattern in lost_patterns(context.column):
        whole = without(found.values, pc.match_substring_regex(found.values, pattern))
        found = Converted(values=whole.values, malformed=either(found.malformed, whole.malformed))
    keeps = judge_of(context.column)
    if keeps is None:
        return found
    judged = one_by_one(found.values.to_pylist(), partial(_required, keeps), pa.string(), errors=(ValueError,))
    return Converted(values=judged.values, malformed=either(found.malformed, judged.malformed))


def _required(keeps: Callable[[str], bool], text: str) -> str:
    if not keeps(text):
        raise ValueError("PostgreSQL would keep less than is there")
    return text


def _string(_: object) -> pa.DataType:
    return pa.string()


anything = Codec(storage=("text",), renderings=(BYTES,), convert=_anything, arrow=_string, by_text=True)
numeric = Codec(storage=("real", "integer"), renderings=(REAL, LARGE), convert=_numeric, arrow=_string, by_text=True)
