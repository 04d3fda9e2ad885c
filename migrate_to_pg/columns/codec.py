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
    #: A literal of the type that the driver is to take for the whole column: it would otherwise guess from the
    #: first batch, and fail where that holds nothing but NULL.
    sentinel: str


#: The common renderings, by the Arrow type that comes back.
INTEGER = Rendering(sql="{0}", sentinel="0")
REAL = Rendering(sql="CAST({0} AS REAL)", sentinel="0.0")
TEXT = Rendering(sql="{0}", sentinel="''")
BLOB = Rendering(sql="{0}", sentinel="x''")


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A batch of one column, ready for COPY."""

    values: pa.Array
    #: True where a value that is there cannot become one of PostgreSQL's; ``values`` is null there. None: all can.
    malformed: pa.BooleanArray | None = None


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
    renderings: tuple[Rendering, ...]
    convert: Convert
    #: PostgreSQL type name -> the exact Arrow type COPY must be given. The binary form is not checked by PostgreSQL
    #: beyond its width (1.5 sent as float8 into bigint is 4609434218613702656), so load asserts this before sending.
    arrow: Callable[[TargetColumn], pa.DataType]


def same(arrays: Sequence[pa.Array], _: Context) -> Converted:
    """The conversion of what needs none."""
    return Converted(values=arrays[0])


def only_where(values: pa.Array, good: pa.BooleanArray) -> pa.Array:
    """The values where ``good``, null elsewhere."""
    return pc.if_else(good, values, pa.scalar(None, values.type))


def any_true(mask: pa.BooleanArray) -> bool:
    """Whether a mask marks anything; nulls do not count."""
    return bool(pc.any(mask, min_count=0).as_py())


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
