"""Codecs of date, time, timestamp, timestamptz and interval: SQLite TEXT, or INTEGER microseconds for interval.

Django writes ISO 8601 text. Text without an offset is UTC with USE_TZ (or in the source's own TIME_ZONE) and local time
without. Vectorized casts read the usual formats. A batch with any other format is converted one value at a time, as
Django reads it.

Django (``django.utils.dateparse``) tries Python's ``fromisoformat`` first, then its own regular expressions. They also
accept one digit instead of two, digits of any script, a comma before the fraction, blanks before the offset and a line
break at the end. They are repeated here, because nothing in ``codecs`` imports Django.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from functools import partial
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs.codec import (
    BYTES,
    INTEGER,
    Codec,
    Context,
    ConvertedBatch,
    all_within,
    any_true,
    convert_each,
    mask_malformed,
)

_DAY = r"(\d{4})-(\d{1,2})-(\d{1,2})"
#: The fraction may have up to twelve digits, of which six are read.
_CLOCK = r"(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,6})\d{0,6})?)?"
_OFFSET = r"\s*(?:(Z)|([+-])(\d{2})(?::?(\d{2}))?)?"
# \d matches a digit of any script, and $ also matches before a line break at the end: both as in Django.
_DATE_TEXT, _TIME_TEXT = re.compile(f"{_DAY}$"), re.compile(f"{_CLOCK}$")
_MOMENT = re.compile(f"{_DAY}[T ]{_CLOCK}{_OFFSET}$")


def parse_date(text: str) -> datetime.date:
    """Return the date of a text."""
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return datetime.date(*map(int, _parts(_DATE_TEXT, text)))


def parse_time(text: str) -> datetime.time:
    """Return the time of a text. An offset, which Django would drop, raises ValueError."""
    try:
        parsed = datetime.time.fromisoformat(text)
    except ValueError:
        return datetime.time(*_clock(*_parts(_TIME_TEXT, text)))
    if parsed.tzinfo is not None:
        raise ValueError(f"{text} has an offset")
    return parsed


def parse_datetime(text: str) -> datetime.datetime:
    """Return the date and time of a text, naive if it has no offset."""
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        *parts, utc, sign, hours, minutes = _parts(_MOMENT, text)
    day, clock = datetime.date(*map(int, parts[:3])), datetime.time(*_clock(*parts[3:]))
    zone = datetime.UTC if utc else None
    if sign:
        # As in Django, 90 minutes are an hour and a half, and a day or more raises ValueError.
        offset = datetime.timedelta(hours=int(hours), minutes=int(minutes or 0))
        zone = datetime.timezone(-offset if sign == "-" else offset)
    return datetime.datetime.combine(day, clock, tzinfo=zone)


class AmbiguousTimeError(ValueError):
    """A local time that the clocks showed twice or never."""


def parse_instant(text: str, zone: ZoneInfo) -> datetime.datetime:
    """Return the instant of a text, in UTC. A text without an offset is local time of the zone.

    Raises:
        AmbiguousTimeError: The clocks showed that local time twice or never.
        ValueError: The text is no date and time.
    """
    moment = parse_datetime(text)
    if moment.tzinfo is None:
        earlier, later = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        if earlier.utcoffset() != later.utcoffset():
            raise AmbiguousTimeError(f"{moment} is ambiguous or does not exist in {zone}")
        moment = earlier
    return moment.astimezone(datetime.UTC)


def parse_local(text: str, zone: ZoneInfo) -> datetime.datetime:
    """Return the local time of a text, without its offset."""
    moment = parse_datetime(text)
    return moment.astimezone(zone).replace(tzinfo=None) if moment.tzinfo else moment


def _parts(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    found = pattern.match(text)
    if found is None:
        raise ValueError(text)
    return found.groups("")


def _clock(hour: str, minute: str, second: str, fraction: str) -> tuple[int, int, int, int]:
    return int(hour), int(minute), int(second or 0), int(fraction.ljust(6, "0"))


_NAIVE = pa.timestamp("us")
_INSTANT = pa.timestamp("us", tz="UTC")
#: 0001-01-01 in microseconds. Python and Django do not support earlier years, unlike PostgreSQL and Arrow.
_FIRST = pa.scalar(-62_135_596_800_000_000, _NAIVE)
#: Arrow ignores the rule beyond a zone's table of transitions, which ends in 2037. In July 2038 Stockholm would have
#: winter time.
_LAST_KNOWN = pa.scalar(datetime.datetime(2037, 1, 1), _NAIVE)  # noqa: DTZ001 - naive on purpose
#: The first hours of year 1 in eastern zones are in year 0 of UTC, which Python does not support.
_SECOND_DAY = pa.scalar(datetime.datetime(1, 1, 2), _NAIVE)  # noqa: DTZ001 - naive on purpose
_FIRST_DAY = pa.scalar(datetime.date(1, 1, 1))
_TIME = pa.time64("us")
#: A little below the limit of 64 bits, at which PostgreSQL's sums of an interval's parts overflow.
_MAX_INTERVAL_MICROSECONDS = 9_190_000_000_000_000_000
#: Added before and after a time's text.
_A_DAY, _NOTHING = pa.scalar(b"1970-01-01 "), pa.scalar(b"")


def _timestamp(arrays: Sequence[pa.Array], context: Context) -> ConvertedBatch:
    fast = _cast_timestamps(arrays[0])
    if fast is not None:
        return ConvertedBatch(values=fast)
    return _convert_scalar(arrays[0], partial(parse_local, zone=ZoneInfo(context.time_zone)), _NAIVE)


def _timestamptz(arrays: Sequence[pa.Array], context: Context) -> ConvertedBatch:
    naive = _cast_timestamps(arrays[0])
    instants = None if naive is None else _localize(naive, context.time_zone)
    if instants is not None:
        return ConvertedBatch(values=instants)
    return _convert_scalar(arrays[0], partial(parse_instant, zone=ZoneInfo(context.time_zone)), _INSTANT)


def _convert_scalar(raw: pa.Array, convert: Callable[[str], object], arrow_type: pa.DataType) -> ConvertedBatch:
    # Bytes that are no UTF-8 raise UnicodeDecodeError, which is a ValueError.
    return convert_each(
        raw.to_pylist(), lambda value: convert(value.decode()), arrow_type, errors=(ValueError, OverflowError)
    )


def _cast_timestamps(raw: pa.Array) -> pa.Array | None:
    """Cast ISO text of years 1 to 9999 without offsets to naive timestamps. Return None if any value is different."""
    try:
        values = raw.cast(pa.string()).cast(_NAIVE)
    except pa.ArrowInvalid:
        return None
    return None if any_true(pc.less(values, _FIRST)) else values


def _localize(naive: pa.Array, time_zone: str) -> pa.Array | None:
    """Localize naive timestamps. Return None if one is ambiguous, does not exist, or is beyond Arrow's tables."""
    if time_zone == "UTC":
        return naive.cast(_INSTANT)
    if any_true(pc.or_(pc.less(naive, _SECOND_DAY), pc.greater(naive, _LAST_KNOWN))):
        return None
    try:
        return pc.assume_timezone(naive, time_zone).cast(_INSTANT)
    except pa.ArrowInvalid:
        return None


def _date(arrays: Sequence[pa.Array], _: Context) -> ConvertedBatch:
    try:
        values = arrays[0].cast(pa.string()).cast(pa.date32())
        if not any_true(pc.less(values, _FIRST_DAY)):
            return ConvertedBatch(values=values)
    except pa.ArrowInvalid:
        pass
    return _convert_scalar(arrays[0], parse_date, pa.date32())


def _time(arrays: Sequence[pa.Array], _: Context) -> ConvertedBatch:
    """Cast by way of a timestamp, because Arrow has no cast from text to time: a date is added and removed again."""
    moments = _cast_timestamps(pc.binary_join_element_wise(_A_DAY, arrays[0], _NOTHING))
    if moments is not None:
        return ConvertedBatch(values=moments.cast(_TIME))
    return _convert_scalar(arrays[0], parse_time, _TIME)


def _interval(arrays: Sequence[pa.Array], _: Context) -> ConvertedBatch:
    values = arrays[0]
    if not all_within(values, -_MAX_INTERVAL_MICROSECONDS, _MAX_INTERVAL_MICROSECONDS):
        bad = pc.or_(pc.less(values, -_MAX_INTERVAL_MICROSECONDS), pc.greater(values, _MAX_INTERVAL_MICROSECONDS))
        masked = mask_malformed(values, bad)
        return ConvertedBatch(values=masked.values.cast(pa.duration("us")), malformed=masked.malformed)
    return ConvertedBatch(values=values.cast(pa.duration("us")))


timestamp = Codec(storage=("text",), expressions=(BYTES,), convert=_timestamp, arrow=lambda _: _NAIVE)
timestamptz = Codec(storage=("text",), expressions=(BYTES,), convert=_timestamptz, arrow=lambda _: _INSTANT)
date = Codec(storage=("text",), expressions=(BYTES,), convert=_date, arrow=lambda _: pa.date32())
time = Codec(storage=("text",), expressions=(BYTES,), convert=_time, arrow=lambda _: _TIME)
interval = Codec(storage=("integer",), expressions=(INTEGER,), convert=_interval, arrow=lambda _: pa.duration("us"))

CODECS = {"timestamp": timestamp, "timestamptz": timestamptz, "date": date, "time": time, "interval": interval}
