"""Define codecs: how a type is selected from SQLite, converted, and sent to PostgreSQL's COPY as an Arrow type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.records import TargetColumn


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectExpression:
    """An expression over one column in a SELECT on SQLite."""

    #: SQL with ``{0}`` in place of the quoted column.
    sql: str
    #: The driver's type: int64, double or binary. The bytes of text are decoded by the codec.
    type: pa.DataType


#: Common expressions.
INTEGER = SelectExpression(sql="{0}", type=pa.int64())
REAL = SelectExpression(sql="{0}", type=pa.float64())
BYTES = SelectExpression(sql="{0}", type=pa.binary())
#: For use beside an expression that is NULL where a value cannot be converted: 1 where there is a value.
IS_PRESENT = SelectExpression(sql="{0} IS NOT NULL", type=pa.int64())
#: Up to here each double is one integer only. 2^53 + 1 is rounded to 2^53.
MAX_EXACT_INTEGER = 2.0**53 - 1


class NeedsCheckedRead(Exception):  # noqa: N818 - not an error: the checked reading is needed
    """A batch of the fast reading has values that only the checked reading can convert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedBatch:
    """A batch of one column, ready for COPY."""

    values: pa.Array
    #: True where a value cannot be converted. ``values`` is null there. None if all can.
    malformed: pa.BooleanArray | None = None
    #: For JSON, true where the value is malformed because its bytes are no UTF-8. None if there is no such value.
    undecodable: pa.BooleanArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The column and time zone that a conversion depends on."""

    column: TargetColumn
    #: The zone of text without an offset.
    time_zone: str


Convert = Callable[[Sequence[pa.Array], Context], ConvertedBatch]


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """Conversion of one PostgreSQL type family from SQLite's values to those that COPY receives."""

    #: SQLite storage classes of this type's values. Any other is a wrong storage class.
    storage: tuple[str, ...]
    #: The value, and further expressions to convert every value. The fast reading selects the first only.
    expressions: tuple[SelectExpression, ...]
    #: Raises NeedsCheckedRead if it was given the first expression only and needs the others.
    convert: Convert
    #: Returns the exact Arrow type that COPY must be given. PostgreSQL checks only the width of the binary form (1.5
    #: sent as float8 into bigint is 4609434218613702656), so load asserts this type before sending.
    arrow: Callable[[TargetColumn], pa.DataType]
    #: PostgreSQL is sent text, which it casts to the type.
    by_text: bool = False


def identity(arrays: Sequence[pa.Array], _: Context) -> ConvertedBatch:
    """Return the values unchanged."""
    return ConvertedBatch(values=arrays[0])


def keep_where(values: pa.Array, good: pa.BooleanArray) -> pa.Array:
    """Return the values where ``good`` is true, null elsewhere."""
    return pc.if_else(good, values, pa.scalar(None, values.type))


def any_true(mask: pa.BooleanArray) -> bool:
    """Return whether a mask is true anywhere. Nulls do not count."""
    return bool(pc.any(mask, min_count=0).as_py())


def mask_or_none(mask: pa.BooleanArray) -> pa.BooleanArray | None:
    """Return a mask, false for nulls, or None where it is true nowhere."""
    return pc.fill_null(mask, False) if any_true(mask) else None


def mask_malformed(values: pa.Array, bad: pa.BooleanArray) -> ConvertedBatch:
    """Return the values. Those marked ``bad`` are null and malformed."""
    if not any_true(bad):
        return ConvertedBatch(values=values)
    return ConvertedBatch(values=keep_where(values, pc.invert(bad)), malformed=pc.fill_null(bad, False))


def or_masks(one: pa.BooleanArray | None, other: pa.BooleanArray | None) -> pa.BooleanArray | None:
    """Return a mask that is true where either mask is. None is true nowhere."""
    if one is None or other is None:
        return one if other is None else other
    return pc.or_(one, other)


def all_within(values: pa.Array, low: float, high: float) -> bool:
    """Return whether all values lie between two bounds, both included. Nulls are ignored."""
    found = pc.min_max(values).as_py()
    return found["min"] is None or (low <= found["min"] and found["max"] <= high)


def convert_each(
    values: Iterable[Any],
    convert: Callable[[Any], object],
    arrow_type: pa.DataType,
    *,
    errors: tuple[type[Exception], ...],
) -> ConvertedBatch:
    """Convert values one at a time, for batches that the vectorized conversion does not support.

    ``convert`` takes one Python value that is not None, and raises one of ``errors`` if it cannot be converted.
    """
    converted: list[object] = []
    malformed: list[bool] = []
    for value in values:
        try:
            converted.append(None if value is None else convert(value))
            malformed.append(False)
        except errors:
            converted.append(None)
            malformed.append(True)
    mask = pa.array(malformed, pa.bool_())
    return ConvertedBatch(values=pa.array(converted, arrow_type), malformed=mask if any(malformed) else None)
