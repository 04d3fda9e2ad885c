"""numeric(p, s): SQLite REAL or INTEGER -> Arrow decimal, the value that Django's ORM reads on SQLite.

Django reads a REAL as ``Decimal`` rounded to 15 significant digits, then quantized half-even to the field's scale
(django.db.backends.sqlite3.operations.get_decimalfield_converter). So 1.005 at two places is 1.00, where SQLite's own
printf says 1.01.
"""

from __future__ import annotations

import decimal
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.columns.codec import REAL, Codec, Context, Converted, Rendering, any_true, one_by_one
from migrate_to_pg.records import TargetColumn

#: Integers that a double cannot hold travel beside it as text.
_LARGE = Rendering(
    sql="CASE WHEN typeof({0}) = 'integer' AND NOT ({0} BETWEEN -9007199254740992 AND 9007199254740992)"
    " THEN CAST({0} AS TEXT) END",
    sentinel="''",
)
_SQLITE_DIGITS = decimal.Context(prec=15)
_MAX_FAST_SCALE = 15


def _arrow_type(column: TargetColumn) -> pa.DataType:
    """decimal128 holds 38 digits, decimal256 holds 76."""
    precision, scale = _digits(column)
    return pa.decimal128(max(precision, 18), scale) if precision <= 38 else pa.decimal256(precision, scale)


def _digits(column: TargetColumn) -> tuple[int, int]:
    """(precision, scale); numeric without them has no codec."""
    if column.precision is None or column.scale is None:
        raise TypeError(f"{column.name}: {column.type_sql} has no precision")
    return column.precision, column.scale


def _convert(arrays: Sequence[pa.Array], context: Context) -> Converted:
    values, large = arrays
    fast = _fast(values, context.column) if large.null_count == len(large) else None
    if fast is not None:
        return Converted(values=fast)
    exact = [r if x is None else int(x) for r, x in zip(values.to_pylist(), large.to_pylist(), strict=True)]
    return one_by_one(
        exact,
        lambda value: as_django_reads(value, context.column),
        _arrow_type(context.column),
        errors=(decimal.InvalidOperation, OverflowError, ValueError),
    )


def as_django_reads(value: float, column: TargetColumn) -> decimal.Decimal:
    """One REAL or INTEGER as Django's DecimalField reads it; decimal.InvalidOperation where it has too many digits."""
    precision, scale = _digits(column)
    rounded = _SQLITE_DIGITS.create_decimal_from_float(value)
    return rounded.quantize(decimal.Decimal(1).scaleb(-scale), context=decimal.Context(prec=precision))


def _fast(values: pa.Array, column: TargetColumn) -> pa.Array | None:
    """All values at once, or None where one of them needs the exact way.

    With t = round(v * 10^s): where t / 10^s is v again, v is the double nearest to the decimal t * 10^-s. Division of
    two exactly held integers is correctly rounded, and where t has at most 15 digits that decimal is the only one of
    15 digits so near: it is what Django reads.
    """
    precision, scale = _digits(column)
    if scale > _MAX_FAST_SCALE:
        return None
    power = float(10**scale)
    units = pc.round(pc.multiply(values, power))
    limit = float(10 ** min(15, precision))
    exact = pc.and_(pc.equal(pc.divide(units, power), values), pc.less(pc.abs(units), limit))
    if any_true(pc.invert(exact)):
        return None
    return _relabel(units.cast(pa.int64()), _arrow_type(column))


def _relabel(units: pa.Array, arrow_type: pa.DataType) -> pa.Array:
    """Whole units -> decimals of that scale: the same digits under another type, so the buffers are re-used."""
    width = pa.decimal256 if arrow_type.bit_width == 256 else pa.decimal128
    # 19 digits are what int64 needs; the cast to the column's own precision comes after.
    whole = units.cast(width(max(arrow_type.precision, 19), 0))
    relabelled = pa.Array.from_buffers(width(whole.type.precision, arrow_type.scale), len(whole), whole.buffers())
    return relabelled.cast(arrow_type)


decimals = Codec(storage=("real", "integer"), renderings=(REAL, _LARGE), convert=_convert, arrow=_arrow_type)

CODECS = {"numeric": decimals}
