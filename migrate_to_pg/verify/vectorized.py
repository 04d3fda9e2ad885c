"""Compare the Arrow arrays of one column from both sides, all values at once.

The comparisons are one-sided: True means equal, False means that the canonical forms decide. Each says why it cannot
call two different values equal. They may raise ArrowInvalid for a text of another form. The caller handles nulls.
"""

from __future__ import annotations

import datetime
import functools
import zoneinfo
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.verify import canonical
from migrate_to_pg.verify.canonical import EPOCH, ColumnFacts

#: An Arrow array; pyarrow ships no types.
Array = Any

#: 0001-01-01 in microseconds and in days since 1970: Arrow reads a year 0, Django does not, PostgreSQL calls it 1 BC.
FIRST_MICROSECOND = (datetime.datetime(1, 1, 1) - EPOCH) // canonical.MICROSECOND  # noqa: DTZ001 - wall clock
FIRST_DAY = 1 - canonical.EPOCH_DAY
LAST_DAY = datetime.date.max.toordinal() - canonical.EPOCH_DAY

#: Made once: pyarrow looks for numpy each time that it makes a scalar.
YEAR_ONE = pa.scalar(FIRST_MICROSECOND, pa.int64())
DAY_ONE = pa.scalar(FIRST_DAY, pa.int32())
ZERO, NO_SPAN = pa.scalar(0, pa.int64()), pa.scalar(canonical.NO_SPAN, pa.int64())
FIFTEEN = pa.scalar(15, pa.int32())
LENGTHS = {length: pa.scalar(length, pa.int32()) for length in (8, 10, 15, 19, 26)}
SOME_DAY, SPACE = pa.scalar("1970-01-01"), pa.scalar(" ")


def same(source: Array, target: Array, facts: ColumnFacts) -> Array:
    """Compare bytes, or 64-bit integers."""
    return pc.equal(source, target)


def same_integer(source: Array, target: Array, facts: ColumnFacts) -> Array:
    """Compare integers and booleans of any width, widened without loss."""
    return pc.equal(source, target.cast(pa.int64()))


def same_span(source: Array, target: Array, facts: ColumnFacts) -> Array:
    """Compare microseconds. An interval that PostgreSQL cannot give as microseconds equals nothing."""
    return pc.and_(pc.equal(source, target), pc.not_equal(target, NO_SPAN))


def same_bits(source: Array, target: Array, facts: ColumnFacts) -> Array:
    """Compare the bits of two doubles. A float4 comes as text, whose nearest double is what Django reads."""
    return pc.equal(source.view(pa.int64()), target.cast(pa.float64()).view(pa.int64()))


def same_short_decimal(source: Array, target: Array, facts: ColumnFacts) -> Array:
    """Compare doubles. PostgreSQL's is the nearest to a decimal of at most 15 digits.

    Every decimal of at most 15 digits has a double of its own, from which rounding to 15 digits gives it back. So what
    Django reads from SQLite's double is the very decimal that PostgreSQL holds.
    """
    return pc.equal(source, target)


def same_decimal(source: Array, target: Array, facts: ColumnFacts) -> Array:
    """Compare doubles with numerics sent as text, if they have at most 15 significant digits."""
    shortest = pc.ascii_rtrim(pc.ascii_ltrim(target, "-0."), "0")
    digits = pc.subtract(pc.binary_length(shortest), pc.count_substring(shortest, "."))
    nearest = target.cast(pa.float64())
    return pc.and_(pc.equal(source, nearest), pc.and_(pc.is_finite(nearest), pc.less_equal(digits, FIFTEEN)))


def same_uuid(source: Array, target: Array, facts: ColumnFacts) -> Array:
    """Compare the sixteen bytes of both sides."""
    return pc.equal(source, target.cast(pa.binary()))


def same_padded(source: Array, target: Array, facts: ColumnFacts) -> Array:
    """Compare texts without their trailing spaces."""
    return pc.equal(pc.ascii_rtrim(source, " "), pc.ascii_rtrim(target, " "))


def microseconds(text: Array) -> Array:
    """Convert canonical local times to microseconds. Arrow refuses days and hours that do not exist."""
    return text.cast(pa.timestamp("us")).cast(pa.int64())


def of_length(text: Array, *lengths: int) -> Array:
    """Select the texts of the lengths that Django writes: each length has exactly one meaning to Arrow."""
    return functools.reduce(pc.or_, [pc.equal(pc.binary_length(text), LENGTHS[length]) for length in lengths])


def same_local(source: Array, target: Array, facts: ColumnFacts) -> Array:
    """Compare local microseconds, from the year 1 on."""
    ticks = target.cast(pa.timestamp("us")).cast(pa.int64())
    modern = pc.and_(of_length(source, 19, 26), pc.greater_equal(ticks, YEAR_ONE))
    return pc.and_(pc.equal(microseconds(source), ticks), modern)


def same_instant(source: Array, target: Array, facts: ColumnFacts) -> Array:
    """Compare UTC microseconds. Text in another zone is shifted if the zone keeps one offset all that day."""
    ticks, wall = target.cast(pa.int64()), microseconds(source)
    known = pc.and_(of_length(source, 19, 26), pc.greater_equal(wall, YEAR_ONE))
    if facts.zone.key != "UTC":
        offsets = day_offsets(wall, facts.zone)
        known, wall = pc.and_(known, pc.is_valid(offsets)), pc.subtract(wall, pc.fill_null(offsets, ZERO))
    return pc.and_(pc.equal(wall, ticks), known)


def day_offsets(wall: Array, zone: zoneinfo.ZoneInfo) -> Array:
    """Return the offset in microseconds of each local time, null on a day on which it changes."""
    days = wall.cast(pa.timestamp("us")).cast(pa.date32(), safe=False)
    encoded = days.cast(pa.int32()).dictionary_encode()
    table = pa.array([day_offset(day, zone) for day in encoded.dictionary.to_pylist()], pa.int64())
    return table.take(encoded.indices)


@functools.lru_cache(maxsize=100_000)
def day_offset(day: int | None, zone: zoneinfo.ZoneInfo) -> int | None:
    """Return the zone's only offset on that day since 1970, in microseconds, or None if it changes.

    No zone ever had a change that was undone within the hour.
    """
    if day is None or not FIRST_DAY < day < LAST_DAY:
        return None
    midnight = EPOCH + datetime.timedelta(days=day)
    hours = [midnight + datetime.timedelta(hours=hour) for hour in range(25)]
    offsets = {hour.replace(tzinfo=zone, fold=fold).utcoffset() for hour in hours for fold in (0, 1)}
    only = offsets.pop()
    return only // canonical.MICROSECOND if only is not None and not offsets else None


def same_date(source: Array, target: Array, facts: ColumnFacts) -> Array:
    """Compare days, written YYYY-MM-DD, from the year 1 on."""
    days = target.cast(pa.int32())
    modern = pc.and_(of_length(source, 10), pc.greater_equal(days, DAY_ONE))
    return pc.and_(pc.equal(source.cast(pa.date32()).cast(pa.int32()), days), modern)


def same_time(source: Array, target: Array, facts: ColumnFacts) -> Array:
    """Compare microseconds since midnight. Arrow reads times of day only behind a day."""
    ticks = microseconds(pc.binary_join_element_wise(SOME_DAY, source, SPACE))
    return pc.and_(pc.equal(ticks, target.cast(pa.int64())), of_length(source, 8, 15))
