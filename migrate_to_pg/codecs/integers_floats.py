"""Codecs of smallint, integer, bigint, real, double precision and boolean: SQLite INTEGER or REAL."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs.codec import (
    INTEGER,
    MAX_EXACT_INTEGER,
    REAL,
    Codec,
    Context,
    ConvertedBatch,
    NeedsCheckedRead,
    SelectExpression,
    all_within,
    identity,
    mask_malformed,
    or_masks,
)

_NARROW_TYPES = {"int2": pa.int16(), "int4": pa.int32(), "bool": pa.bool_()}
#: The lowest and the highest number of each type.
LIMITS = {
    "int2": (-(2**15), 2**15 - 1),
    "int4": (-(2**31), 2**31 - 1),
    "int8": (-(2**63), 2**63 - 1),
    "bool": (0, 1),
}

#: 1 where an integer may have no exact double. Django reads that integer, but float8 would be another number.
LARGE_INTEGERS = SelectExpression(
    sql="typeof({0}) = 'integer' AND {0} NOT BETWEEN -(1 << 53) AND 1 << 53", type=pa.int64()
)


def _narrow(arrays: Sequence[pa.Array], context: Context) -> ConvertedBatch:
    """Cast int64 to a narrower type."""
    values, arrow_type = arrays[0], _NARROW_TYPES[context.column.type_name]
    low, high = LIMITS[context.column.type_name]
    if all_within(values, low, high):
        return ConvertedBatch(values=values.cast(arrow_type))
    masked = mask_malformed(values, pc.or_(pc.less(values, low), pc.greater(values, high)))
    return ConvertedBatch(values=masked.values.cast(arrow_type), malformed=masked.malformed)


def _double(arrays: Sequence[pa.Array], _: Context) -> ConvertedBatch:
    values, *large = arrays
    if large:
        return mask_malformed(values, pc.equal(large[0], 1))
    if all_within(values, -MAX_EXACT_INTEGER, MAX_EXACT_INTEGER):
        return ConvertedBatch(values=values)
    raise NeedsCheckedRead


def _real(arrays: Sequence[pa.Array], context: Context) -> ConvertedBatch:
    """Cast float8 to float4 where Django reads the same number again from the shortest text of the float4.

    So 0.1 is converted, although float4 rounds it to 0.10000000149011612, and that number is malformed.
    """
    double = _double(arrays, context)
    narrow = pc.cast(double.values, pa.float32(), safe=False)
    read = pc.cast(pc.cast(narrow, pa.string()), pa.float64())
    masked = mask_malformed(narrow, pc.not_equal(read, double.values))
    return ConvertedBatch(values=masked.values, malformed=or_masks(double.malformed, masked.malformed))


narrow = Codec(
    storage=("integer",),
    expressions=(INTEGER,),
    convert=_narrow,
    arrow=lambda column: _NARROW_TYPES[column.type_name],
)
bigint = Codec(storage=("integer",), expressions=(INTEGER,), convert=identity, arrow=lambda _: pa.int64())
double = Codec(
    storage=("real", "integer"), expressions=(REAL, LARGE_INTEGERS), convert=_double, arrow=lambda _: pa.float64()
)
real = Codec(
    storage=("real", "integer"), expressions=(REAL, LARGE_INTEGERS), convert=_real, arrow=lambda _: pa.float32()
)

CODECS = {"int2": narrow, "int4": narrow, "int8": bigint, "bool": narrow, "float8": double, "float4": real}
