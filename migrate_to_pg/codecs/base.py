"""What one column type is to the data path: a record, from SQL text on SQLite to the Arrow type that COPY receives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.records import TargetColumn


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """One value that SQLite is asked for."""

    #: SQL with ``{0}`` in place of the quoted column.
    sql: str
    #: What the driver is to give: int64, double or binary. Text comes as its bytes, which the codec decodes.
    type: pa.DataType


#: The common renderings.
INTEGER = Rendering(sql="{0}", type=pa.int64())
REAL = Rendering(sql="{0}", type=pa.float64())
BYTES = Rendering(sql="{0}", type=pa.binary())
#: Beside a rendering that is NULL where a value cannot be converted: 1 where there was a value.
THERE = Rendering(sql="{0} IS NOT NULL", type=pa.int64())
#: Up to here a double stands for one integer alone: 2^53 is also what 2^53 + 1 is rounded to.
EXACT = 2.0**53 - 1


class NeedsCheckedRead(Exception):  # noqa: N818 - not an error: a question that the guarded reading answers
    """A batch of the plain reading that only the guarded one can settle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A batch of one column, ready for COPY."""

    values: pa.Array
    #: True where a value that is there cannot become one of PostgreSQL's; ``values`` is null there. None: all can.
    malformed: pa.BooleanArray | None = None
    #: Of JSON, true where the value is malformed because its bytes are no UTF-8; None: nowhere.
    undecodable: pa.BooleanArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a conversion may depend on besides the value."""

    column: TargetColumn
    #: The zone that naive text means.
    time_zone: str


Convert = Callable[[Sequence[pa.Array], Context], Converted]


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """How one PostgreSQL type family is read from SQLite and sent to PostgreSQL."""

    #: SQLite storage classes that carry this type's values; any other is a wrong storage class.
    storage: tuple[str, ...]
    #: The value, and what it takes beside it to convert every value. The plain reading gives the first alone.
    renderings: tuple[Rendering, ...]
    #: Raises Doubtful where it was given the first rendering alone and needs the others.
    convert: Convert
    #: PostgreSQL type name -> the exact Arrow type COPY must be given. The binary form is not checked by PostgreSQL
    #: beyond its width (1.5 sent as float8 into bigint is 4609434218613702656), so load asserts this before sending.
    arrow: Callable[[TargetColumn], pa.DataType]
    #: Whether PostgreSQL is given a text, which it casts to the type: there is no binary form here.
    by_text: bool = False


def same(arrays: Sequence[pa.Array], _: Context) -> Converted:
    """The conversion of what needs none."""
    return Converted(values=arrays[0])


def only_where(values: pa.Array, good: pa.BooleanArray) -> pa.Array:
    """The values where ``good``, null elsewhere."""
    return pc.if_else(good, values, pa.scalar(None, values.type))


def any_true(mask: pa.BooleanArray) -> bool:
    """Whether a mask marks anything; nulls do not count."""
    return bool(pc.any(mask, min_count=0).as_py())


def without(values: pa.Array, bad: pa.BooleanArray) -> Converted:
    """The values, those marked ``bad`` set aside as malformed."""
    if not any_true(bad):
        return Converted(values=values)
    return Converted(values=only_where(values, pc.invert(bad)), malformed=pc.fill_null(bad, False))


def either(one: pa.BooleanArray | None, other: pa.BooleanArray | None) -> pa.BooleanArray | None:
    """Two masks as one."""
    if one is None or other is None:
        return one if other is None else other
    return pc.or_(one, other)


def within(values: pa.Array, low: float, high: float) -> bool:
    """Whether all values lie between two bounds, both included; nulls do."""
    found = pc.min_max(values).as_py()
    return found["min"] is None or (low <= found["min"] and found["max"] <= high)


def one_by_one(
    values: Iterable[Any],
    convert: Callable[[Any], object],
    arrow_type: pa.DataType,
    *,
    errors: tuple[type[Exception], ...],
) -> Converted:
    """The slow, exact way, for batches in which the vectorised one met something unusual.

    ``convert`` takes one non-null Python value and raises one of ``errors`` where it cannot be converted.
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
    return Converted(values=pa.array(converted, arrow_type), malformed=mask if any(malformed) else None)
