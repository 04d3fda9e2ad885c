"""numeric(p, s): SQLite REAL or INTEGER -> Arrow decimal, the value that Django's ORM reads on SQLite.

Django reads a REAL as ``Decimal`` rounded to 15 significant digits, then quantized half-even to the field's scale
(django.db.backends.sqlite3.operations.get_decimalfield_converter). So 1.005 at two places is 1.00, where SQLite's own
printf says 1.01. An INTEGER is rounded likewise before Django 6.1, and taken as it is since, or where that was asked
for.
"""

from __future__ import annotations

import decimal
from collections.abc import Sequence
from importlib import metadata

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs.base import (
    REAL,
    Codec,
    Context,
    Converted,
    NeedsCheckedRead,
    Rendering,
    any_true,
    one_by_one,
    within,
)
from migrate_to_pg.records import TargetColumn

#: Integers of more than 15 digits travel beside the double as text: not every double can hold them.
LARGE = Rendering(
    sql="CASE WHEN typeof({0}) = 'integer' AND {0} NOT BETWEEN -999999999999999 AND 999999999999999"
    " THEN CAST({0} AS TEXT) END",
    type=pa.binary(),
)
SHORT = 10.0**15 - 1
#: Since 6.1 (the version is asked of the installation: this package's columns know no Django).
INTEGERS_ARE_EXACT = tuple(int(part) for part in metadata.version("django").split(".")[:2]) >= (6, 1)
_SQLITE_DIGITS = decimal.Context(prec=15)
#: Digits of Arrow's widest decimal; PostgreSQL's numeric(p, s) has up to 1000.
MOST_DIGITS = 76
#: Up to here 10^scale is a double, and 15 digits are a whole number of units.
_MAX_FAST_SCALE = 15


def _arrow_type(column: TargetColumn) -> pa.DataType:
    """decimal128 holds 38 digits, decimal256 76; 18 or more, so that all of int64's short decimals fit."""
    precision, scale = _digits(column)
    return pa.decimal128(max(precision, 18), scale) if precision <= 38 else pa.decimal256(precision, scale)


def _digits(column: TargetColumn) -> tuple[int, int]:
    """(precision, scale); numeric without them has no codec."""
    if column.precision is None or column.scale is None:
        raise TypeError(f"{column.name}: {column.type_sql} has no precision")
    return column.precision, column.scale


def _convert(arrays: Sequence[pa.Array], context: Context) -> Converted:
    values, *large = arrays
    if not large and not within(values, -SHORT, SHORT):
        raise NeedsCheckedRead
    fast = None if large and large[0].null_count < len(values) else _fast(values, context.column)
    return Converted(values=fast) if fast is not None else _exactly(values, large, context.column)


def _exactly(values: pa.Array, large: Sequence[pa.Array], column: TargetColumn) -> Converted:
    integers = large[0].to_pylist() if large else [None] * len(values)
    exact = [r if x is None else int(x) for r, x in zip(values.to_pylist(), integers, strict=True)]
    return one_by_one(
        exact,
        lambda value: as_django_reads(value, column),
        _arrow_type(column),
        errors=(decimal.InvalidOperation, OverflowError, ValueError),
    )


def as_django_reads(value: float, column: TargetColumn) -> decimal.Decimal:
    """One REAL or INTEGER as Django's DecimalField reads it; decimal.InvalidOperation where it has too many digits."""
    precision, scale = _digits(column)
    number = sqlite_decimal(value, column)
    return number.quantize(decimal.Decimal(1).scaleb(-scale), context=decimal.Context(prec=precision))


def sqlite_decimal(value: float, column: TargetColumn) -> decimal.Decimal:
    """The same before it is given the field's scale."""
    if isinstance(value, int) and (INTEGERS_ARE_EXACT or column.exact):
        return decimal.Decimal(value)
    return fifteen_digits(value)


def fifteen_digits(value: float) -> decimal.Decimal:
    """What Django reads of a REAL, and before 6.1 of an INTEGER as well."""
    return _SQLITE_DIGITS.create_decimal_from_float(value)


def _fast(values: pa.Array, column: TargetColumn) -> pa.Array | None:
    """All values at once, or None where one of them needs the exact way.

    With t = round(v * 10^s): where t / 10^s is v again, v is the double nearest to the decimal t * 10^-s. Division of
    two exactly held integers is correctly rounded, and where t has at most 15 digits that decimal is the only one of
    15 digits so near: it is what Django reads.
    """
    precision, scale = _digits(column)
    if not 0 <= scale <= _MAX_FAST_SCALE:
        return None
    power = pa.scalar(float(10**scale))
    units = pc.round(pc.multiply(values, power))
    limit = 10 ** min(15, precision) - 1
    if not within(units, -limit, limit) or any_true(pc.not_equal(pc.divide(units, power), values)):
        return None
    return _relabel(units.cast(pa.int64()), _arrow_type(column))


def _relabel(units: pa.Array, arrow_type: pa.DataType) -> pa.Array:
    """Whole units -> decimals of that scale: the same digits under another type, so the buffers are re-used."""
    width = pa.decimal256 if arrow_type.bit_width == 256 else pa.decimal128
    # int64 casts to nothing under 19 digits; these units have at most 15, so any precision of ours holds them.
    whole = units.cast(width(max(arrow_type.precision, 19), 0))
    return pa.Array.from_buffers(arrow_type, len(whole), whole.buffers(), offset=whole.offset)


decimals = Codec(storage=("real", "integer"), renderings=(REAL, LARGE), convert=_convert, arrow=_arrow_type)

CODECS = {"numeric": decimals}
