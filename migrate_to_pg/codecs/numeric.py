"""Codecs of numbers: smallint, integer, bigint, real, double precision, boolean and numeric(p, s).

SQLite has them as INTEGER or REAL. Of numeric(p, s) the codec returns the decimal that Django's ORM reads on SQLite: it
rounds a REAL to a ``Decimal`` of 15 significant digits and quantizes it half-even to the field's scale
(django.db.backends.sqlite3.operations.get_decimalfield_converter). So 1.005 with two places is 1.00, whereas SQLite's
printf prints 1.01. Django before 6.1 rounds an INTEGER the same way. Since 6.1 it is exact, as with --exact-decimals.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable, Sequence
from importlib import metadata

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
    any_true,
    convert_each,
    identity,
    mask_malformed,
    or_masks,
)
from migrate_to_pg.records import TargetColumn

#: Integers of more than 15 digits are also selected as text, because not all of them have an exact double.
LARGE_INTEGERS = SelectExpression(
    sql="CASE WHEN typeof({0}) = 'integer' AND {0} NOT BETWEEN -999999999999999 AND 999999999999999"
    " THEN CAST({0} AS TEXT) END",
    type=pa.binary(),
)
MAX_SHORT_INTEGER = 10.0**15 - 1
#: Since Django 6.1. The version comes from the package's metadata, because no codec imports Django.
INTEGERS_ARE_EXACT = tuple(int(part) for part in metadata.version("django").split(".")[:2]) >= (6, 1)
_SQLITE_DIGITS = decimal.Context(prec=15)
#: Digits of Arrow's widest decimal. PostgreSQL's numeric(p, s) has up to 1000.
MAX_DIGITS = 76
#: Up to here 10^scale is an exact double, and 15 digits are an integer number of units.
_MAX_FAST_SCALE = 15


def _arrow_type(column: TargetColumn) -> pa.DataType:
    """Return decimal128 up to 38 digits, else decimal256. With 18 digits or more all short decimals fit."""
    precision, scale = _digits(column)
    return pa.decimal128(max(precision, 18), scale) if precision <= 38 else pa.decimal256(precision, scale)


def _digits(column: TargetColumn) -> tuple[int, int]:
    """Return precision and scale. numeric without them has no such codec."""
    if column.precision is None or column.scale is None:
        raise TypeError(f"{column.name}: {column.type_sql} has no precision")
    return column.precision, column.scale


def _convert(arrays: Sequence[pa.Array], context: Context) -> ConvertedBatch:
    values, *large = arrays
    if not large and not all_within(values, -MAX_SHORT_INTEGER, MAX_SHORT_INTEGER):
        raise NeedsCheckedRead
    fast = None if large and large[0].null_count < len(values) else _convert_vectorized(values, context.column)
    if fast is not None:
        return ConvertedBatch(values=fast)
    column = context.column
    return convert_scalar(values, large, lambda value: as_django_reads(value, column), _arrow_type(column))


def convert_scalar(
    values: pa.Array, large: Sequence[pa.Array], convert: Callable[[float], object], arrow_type: pa.DataType
) -> ConvertedBatch:
    """Convert numbers one at a time. ``large`` has the text of integers that may have no exact double."""
    integers = large[0].to_pylist() if large else [None] * len(values)
    exact = [r if x is None else int(x) for r, x in zip(values.to_pylist(), integers, strict=True)]
    return convert_each(exact, convert, arrow_type, errors=(decimal.InvalidOperation, OverflowError, ValueError))


def as_django_reads(value: float, column: TargetColumn) -> decimal.Decimal:
    """Return a value as Django's DecimalField reads it. Raise decimal.InvalidOperation if it has too many digits."""
    precision, scale = _digits(column)
    number = sqlite_decimal(value, column)
    return number.quantize(decimal.Decimal(1).scaleb(-scale), context=decimal.Context(prec=precision))


def sqlite_decimal(value: float, column: TargetColumn) -> decimal.Decimal:
    """Return a value as Django reads it, before it is quantized to the field's scale."""
    if isinstance(value, int) and (INTEGERS_ARE_EXACT or column.exact):
        return decimal.Decimal(value)
    return fifteen_digits(value)


def fifteen_digits(value: float) -> decimal.Decimal:
    """Return a REAL as Django reads it, and an INTEGER before Django 6.1."""
    return _SQLITE_DIGITS.create_decimal_from_float(value)


def _convert_vectorized(values: pa.Array, column: TargetColumn) -> pa.Array | None:
    """Convert all values at once, or return None if one of them needs the scalar conversion.

    Let t = round(v * 10^s). If t / 10^s equals v, then v is the double nearest to the decimal t * 10^-s, because the
    division of two exact integers is correctly rounded. If t has at most 15 digits, no other decimal of 15 digits is so
    near. So it is the one that Django reads.
    """
    precision, scale = _digits(column)
    if not 0 <= scale <= _MAX_FAST_SCALE:
        return None
    power = pa.scalar(float(10**scale))
    units = pc.round(pc.multiply(values, power))
    limit = 10 ** min(15, precision) - 1
    if not all_within(units, -limit, limit) or any_true(pc.not_equal(pc.divide(units, power), values)):
        return None
    # The digits are the same, so the integers' buffers are those of decimals with a scale. int64 casts to 19 digits or
    # more, and these units have at most 15.
    arrow_type = _arrow_type(column)
    width = pa.decimal256 if arrow_type.bit_width == 256 else pa.decimal128
    integers = units.cast(pa.int64()).cast(width(max(arrow_type.precision, 19), 0))
    return pa.Array.from_buffers(arrow_type, len(integers), integers.buffers(), offset=integers.offset)


decimals = Codec(storage=("real", "integer"), expressions=(REAL, LARGE_INTEGERS), convert=_convert, arrow=_arrow_type)


_NARROW_TYPES = {"int2": pa.int16(), "int4": pa.int32(), "bool": pa.bool_()}
#: The lowest and the highest number of each type.
LIMITS = {
    "int2": (-(2**15), 2**15 - 1),
    "int4": (-(2**31), 2**31 - 1),
    "int8": (-(2**63), 2**63 - 1),
    "bool": (0, 1),
}

#: 1 where an integer may have no exact double. Django reads that integer, but float8 would be another number.
BEYOND_EXACT_DOUBLE = SelectExpression(
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
    storage=("real", "integer"), expressions=(REAL, BEYOND_EXACT_DOUBLE), convert=_double, arrow=lambda _: pa.float64()
)
real = Codec(
    storage=("real", "integer"), expressions=(REAL, BEYOND_EXACT_DOUBLE), convert=_real, arrow=lambda _: pa.float32()
)

CODECS = {
    "int2": narrow,
    "int4": narrow,
    "int8": bigint,
    "bool": narrow,
    "float8": double,
    "float4": real,
    "numeric": decimals,
}
