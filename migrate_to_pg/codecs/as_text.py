"""Send values as text, which PostgreSQL casts to the column's type.

This covers arrays, ranges, enums, hstore and all other types without a codec, for which SQLite has TEXT. It also covers
numeric without precision, or with more digits than Arrow's decimals: the number that Django reads, in plain digits.

A cast can lose a part of the text without an error: money is rounded to cents, a date drops the time of day. Such texts
are malformed here. ``text_types`` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs.codec import (
    BYTES,
    REAL,
    Codec,
    Context,
    ConvertedBatch,
    NeedsCheckedRead,
    all_within,
    convert_each,
    mask_malformed,
    or_masks,
)
from migrate_to_pg.codecs.numeric import (
    LARGE_INTEGERS,
    MAX_SHORT_INTEGER,
    as_django_reads,
    convert_scalar,
    sqlite_decimal,
)
from migrate_to_pg.codecs.text import read_text
from migrate_to_pg.codecs.text_types import lossless_check, lossy_patterns


def _convert_numeric(arrays: Sequence[pa.Array], context: Context) -> ConvertedBatch:
    values, *large = arrays
    if not large and not all_within(values, -MAX_SHORT_INTEGER, MAX_SHORT_INTEGER):
        raise NeedsCheckedRead
    column = context.column
    read = sqlite_decimal if column.precision is None else as_django_reads
    return convert_scalar(values, large, lambda value: format(read(value, column), "f"), pa.string())


def _convert_text(arrays: Sequence[pa.Array], context: Context) -> ConvertedBatch:
    found = read_text(arrays, context)
    for pattern in lossy_patterns(context.column):
        masked = mask_malformed(found.values, pc.match_substring_regex(found.values, pattern))
        found = ConvertedBatch(values=masked.values, malformed=or_masks(found.malformed, masked.malformed))
    is_lossless = lossless_check(context.column)
    if is_lossless is None:
        return found
    checked = convert_each(
        found.values.to_pylist(), partial(_require_lossless, is_lossless), pa.string(), errors=(ValueError,)
    )
    return ConvertedBatch(values=checked.values, malformed=or_masks(found.malformed, checked.malformed))


def _require_lossless(is_lossless: Callable[[str], bool], text: str) -> str:
    if not is_lossless(text):
        raise ValueError("PostgreSQL would lose a part of the text")
    return text


def _string(_: object) -> pa.DataType:
    return pa.string()


anything = Codec(storage=("text",), expressions=(BYTES,), convert=_convert_text, arrow=_string, by_text=True)
numeric = Codec(
    storage=("real", "integer"),
    expressions=(REAL, LARGE_INTEGERS),
    convert=_convert_numeric,
    arrow=_string,
    by_text=True,
)
