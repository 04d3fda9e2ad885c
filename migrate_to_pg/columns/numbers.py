"""smallint, integer, bigint, real, double precision and boolean: SQLite INTEGER or REAL -> Arrow numbers."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.columns.codec import INTEGER, REAL, Codec, Context, Converted, any_true, only_where, same

_INTEGERS = {"int2": pa.int16(), "int4": pa.int32(), "int8": pa.int64()}
_LIMITS = {"int2": (-(2**15), 2**15 - 1), "int4": (-(2**31), 2**31 - 1)}


def _integer(arrays: Sequence[pa.Array], context: Context) -> Converted:
    values, type_name = arrays[0], context.column.type_name
    if type_name == "int8":
        return Converted(values=values)
    low, high = _LIMITS[type_name]
    good = pc.and_(pc.greater_equal(values, low), pc.less_equal(values, high))
    if any_true(pc.invert(good)):
        return Converted(
            values=only_where(values, good).cast(_INTEGERS[type_name]),
            malformed=pc.fill_null(pc.invert(good), False),
        )
    return Converted(values=values.cast(_INTEGERS[type_name]))


def _boolean(arrays: Sequence[pa.Array], _: Context) -> Converted:
    values = arrays[0]
    bad = pc.greater(pc.bit_wise_and(values, ~1), 0)
    bad = pc.or_(bad, pc.less(values, 0))
    if any_true(bad):
        return Converted(values=only_where(values, pc.invert(bad)).cast(pa.bool_()), malformed=pc.fill_null(bad, False))
    return Converted(values=values.cast(pa.bool_()))


def _real(arrays: Sequence[pa.Array], _: Context) -> Converted:
    """float8 -> float4, only where nothing is lost: a double that float4 would round is malformed."""
    values = arrays[0]
    narrow = pc.cast(values, pa.float32(), safe=False)
    bad = pc.not_equal(pc.cast(narrow, pa.float64()), values)
    if any_true(bad):
        return Converted(values=only_where(narrow, pc.invert(bad)), malformed=pc.fill_null(bad, False))
    return Converted(values=narrow)


integer = Codec(
    storage=("integer",),
    renderings=(INTEGER,),
    convert=_integer,
    arrow=lambda column: _INTEGERS[column.type_name],
)
boolean = Codec(storage=("integer",), renderings=(INTEGER,), convert=_boolean, arrow=lambda _: pa.bool_())
double = Codec(storage=("real", "integer"), renderings=(REAL,), convert=same, arrow=lambda _: pa.float64())
real = Codec(storage=("real", "integer"), renderings=(REAL,), convert=_real, arrow=lambda _: pa.float32())

CODECS = {"int2": integer, "int4": integer, "int8": integer, "bool": boolean, "float8": double, "float4": real}
