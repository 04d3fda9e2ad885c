"""smallint, integer, bigint, real, double precision and boolean: SQLite INTEGER or REAL -> Arrow numbers."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs.base import (
    EXACT,
    INTEGER,
    REAL,
    Codec,
    Context,
    Converted,
    NeedsCheckedRead,
    Rendering,
    either,
    same,
    within,
    without,
)

_INTEGERS = {"int2": pa.int16(), "int4": pa.int32(), "int8": pa.int64()}
_LIMITS = {"int2": (-(2**15), 2**15 - 1), "int4": (-(2**31), 2**31 - 1), "bool": (0, 1)}

#: 1 where the value is an integer that a double may not hold: Django reads that integer, float8 would be another.
LARGE = Rendering(sql="typeof({0}) = 'integer' AND {0} NOT BETWEEN -(1 << 53) AND 1 << 53", type=pa.int64())


def _narrow(values: pa.Array, context: Context, arrow_type: pa.DataType) -> Converted:
    """int64 -> a type that holds fewer."""
    low, high = _LIMITS[context.column.type_name]
    if within(values, low, high):
        return Converted(values=values.cast(arrow_type))
    kept = without(values, pc.or_(pc.less(values, low), pc.greater(values, high)))
    return Converted(values=kept.values.cast(arrow_type), malformed=kept.malformed)


def _integer(arrays: Sequence[pa.Array], context: Context) -> Converted:
    if context.column.type_name == "int8":
        return same(arrays, context)
    return _narrow(arrays[0], context, _INTEGERS[context.column.type_name])


def _boolean(arrays: Sequence[pa.Array], context: Context) -> Converted:
    return _narrow(arrays[0], context, pa.bool_())


def _double(arrays: Sequence[pa.Array], _: Context) -> Converted:
    values, *large = arrays
    if large:
        return without(values, pc.equal(large[0], 1))
    if within(values, -EXACT, EXACT):
        return Converted(values=values)
    raise NeedsCheckedRead


def _real(arrays: Sequence[pa.Array], context: Context) -> Converted:
    """float8 -> float4, where Django reads the same number again: it is sent the shortest text that means the float4.

    So 0.1 crosses, although float4 rounds it, and 0.10000000149011612, to which it is rounded, does not.
    """
    double = _double(arrays, context)
    narrow = pc.cast(double.values, pa.float32(), safe=False)
    read = pc.cast(pc.cast(narrow, pa.string()), pa.float64())
    same_again = without(narrow, pc.not_equal(read, double.values))
    return Converted(values=same_again.values, malformed=either(double.malformed, same_again.malformed))


integer = Codec(
    storage=("integer",),
    renderings=(INTEGER,),
    convert=_integer,
    arrow=lambda column: _INTEGERS[column.type_name],
)
boolean = Codec(storage=("integer",), renderings=(INTEGER,), convert=_boolean, arrow=lambda _: pa.bool_())
double = Codec(storage=("real", "integer"), renderings=(REAL, LARGE), convert=_double, arrow=lambda _: pa.float64())
real = Codec(storage=("real", "integer"), renderings=(REAL, LARGE), convert=_real, arrow=lambda _: pa.float32())

CODECS = {"int2": integer, "int4": integer, "int8": integer, "bool": boolean, "float8": double, "float4": real}
