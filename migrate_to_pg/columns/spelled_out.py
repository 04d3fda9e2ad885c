"""Types that travel as text: PostgreSQL itself reads it, in a cast, as it would read a constant.

Arrays, ranges, enums, hstore and whatever else a column may be: SQLite TEXT -> text. numeric without precision: the
number that Django reads, in plain digits.
"""

from __future__ import annotations

import decimal
from collections.abc import Sequence

import pyarrow as pa

from migrate_to_pg.columns.codec import BYTES, REAL, Codec, Context, Converted, Doubtful, one_by_one, within
from migrate_to_pg.columns.decimals import LARGE, SHORT, sqlite_decimal
from migrate_to_pg.columns.text import read_text


def _numeric(arrays: Sequence[pa.Array], _: Context) -> Converted:
    values, *large = arrays
    if not large and not within(values, -SHORT, SHORT):
        raise Doubtful
    integers = large[0].to_pylist() if large else [None] * len(values)
    exact = [r if x is None else int(x) for r, x in zip(values.to_pylist(), integers, strict=True)]
    return one_by_one(exact, _digits, pa.string(), errors=(decimal.InvalidOperation, OverflowError, ValueError))


def _digits(value: float) -> str:
    return format(sqlite_decimal(value), "f")


def _string(_: object) -> pa.DataType:
    return pa.string()


anything = Codec(storage=("text",), renderings=(BYTES,), convert=read_text, arrow=_string, by_text=True)
numeric = Codec(storage=("real", "integer"), renderings=(REAL, LARGE), convert=_numeric, arrow=_string, by_text=True)
