"""date, time, timestamp, timestamptz and interval: SQLite TEXT (interval: INTEGER microseconds) -> Arrow temporals.

Django writes ISO 8601 text; naive text is UTC with USE_TZ (or the source's own TIME_ZONE) and local time without.
The vectorised casts read the usual spellings; a batch that holds any other is read one value at a time, as Django
reads it (``spelled``).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs.base import BYTES, INTEGER, Codec, Context, Converted, any_true, one_by_one, within, without
from migrate_to_pg.codecs.parse_datetime import date_of, moment_of, time_of

_NAIVE = pa.timestamp("us")
_INSTANT = pa.timestamp("us", tz="UTC")
#: 0001-01-01 in microseconds: PostgreSQL and Arrow know earlier years, Python and Django do not.
_FIRST = pa.scalar(-62_135_596_800_000_000, _NAIVE)
#: Arrow reads no rule beyond a zone's table of transitions, which ends in 2037: in July 2038 Stockholm would have
#: winter time.
_LAST_KNOWN = pa.scalar(datetime.datetime(2037, 1, 1), _NAIVE)  # noqa: DTZ001 - naive on purpose
#: In the first hours of year 1, zones in the east are in a year 0 of UTC's, which Python does not have.
_SECOND_DAY = pa.scalar(datetime.datetime(1, 1, 2), _NAIVE)  # noqa: DTZ001 - naive on purpose
_FIRST_DAY = pa.scalar(datetime.date(1, 1, 1))
_TIME = pa.time64("us")
#: Microseconds: a little below the end of 64 bits, where PostgreSQL's own sums of an interval's parts overflow.
_LONGEST = 9_190_000_000_000_000_000
#: Joined around a time's text.
_A_DAY, _NOTHING = pa.scalar(b"1970-01-01 "), pa.scalar(b"")


def _timestamp(arrays: Sequence[pa.Array], context: Context) -> Converted:
    fast = _cast(arrays[0])
    return Converted(values=fast) if fast is not None else _slowly(arrays[0], _naive(context.time_zone), _NAIVE)


def _timestamptz(arrays: Sequence[pa.Array], context: Context) -> Converted:
    naive = _cast(arrays[0])
    instants = None if naive is None else _assume(naive, context.time_zone)
    if instants is not None:
        return Converted(values=instants)
    return _slowly(arrays[0], _instant(context.time_zone), _INSTANT)


def _slowly(raw: pa.Array, convert: Callable[[str], object], arrow_type: pa.DataType) -> Converted:
    # Bytes that are no UTF-8 raise UnicodeDecodeError, a ValueError too.
    return one_by_one(
        raw.to_pylist(), lambda value: convert(value.decode()), arrow_type, errors=(ValueError, OverflowError)
    )


def _cast(raw: pa.Array) -> pa.Array | None:
    """ISO text of years 1 to 9999 without offset -> naive timestamps; None where any value is something else."""
    try:
        values = raw.cast(pa.string()).cast(_NAIVE)
    except pa.ArrowInvalid:
        return None
    return None if any_true(pc.less(values, _FIRST)) else values


def _assume(naive: pa.Array, time_zone: str) -> pa.Array | None:
    """Naive timestamps -> instants; None where one of them is ambiguous, never was, or is beyond what Arrow knows."""
    if time_zone == "UTC":
        return naive.cast(_INSTANT)
    if any_true(pc.or_(pc.less(naive, _SECOND_DAY), pc.greater(naive, _LAST_KNOWN))):
        return None
    try:
        return pc.assume_timezone(naive, time_zone).cast(_INSTANT)
    except pa.ArrowInvalid:
        return None


def _instant(time_zone: str) -> Callable[[str], object]:
    zone = ZoneInfo(time_zone)

    def convert(value: str) -> object:
        moment = moment_of(value)
        if moment.tzinfo is None:
            moment = _localized(moment, zone)
        return moment.astimezone(datetime.UTC)

    return convert


def _naive(time_zone: str) -> Callable[[str], object]:
    zone = ZoneInfo(time_zone)

    def convert(value: str) -> object:
        moment = moment_of(value)
        return moment if moment.tzinfo is None else moment.astimezone(zone).replace(tzinfo=None)

    return convert


def _localized(moment: datetime.datetime, zone: ZoneInfo) -> datetime.datetime:
    """A naive local time as an instant; ValueError where the clocks showed it twice, or never."""
    earlier, later = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if earlier.utcoffset() != later.utcoffset():
        raise ValueError(f"{moment} is ambiguous or does not exist in {zone}")
    return earlier


def _date(arrays: Sequence[pa.Array], _: Context) -> Converted:
    try:
        values = arrays[0].cast(pa.string()).cast(pa.date32())
        if not any_true(pc.less(values, _FIRST_DAY)):
            return Converted(values=values)
    except pa.ArrowInvalid:
        pass
    return _slowly(arrays[0], date_of, pa.date32())


def _time(arrays: Sequence[pa.Array], _: Context) -> Converted:
    """Arrow has no cast from text to time, but one to timestamp: a day goes in front, and away again."""
    moments = _cast(pc.binary_join_element_wise(_A_DAY, arrays[0], _NOTHING))
    if moments is not None:
        return Converted(values=moments.cast(_TIME))
    return _slowly(arrays[0], time_of, _TIME)


def _interval(arrays: Sequence[pa.Array], _: Context) -> Converted:
    kept = arrays[0]
    if not within(kept, -_LONGEST, _LONGEST):
        judged = without(kept, pc.or_(pc.less(kept, -_LONGEST), pc.greater(kept, _LONGEST)))
        return Converted(values=judged.values.cast(pa.duration("us")), malformed=judged.malformed)
    return Converted(values=kept.cast(pa.duration("us")))


timestamp = Codec(storage=("text",), renderings=(BYTES,), convert=_timestamp, arrow=lambda _: _NAIVE)
timestamptz = Codec(storage=("text",), renderings=(BYTES,), convert=_timestamptz, arrow=lambda _: _INSTANT)
date = Codec(storage=("text",), renderings=(BYTES,), convert=_date, arrow=lambda _: pa.date32())
time = Codec(storage=("text",), renderings=(BYTES,), convert=_time, arrow=lambda _: _TIME)
interval = Codec(storage=("integer",), renderings=(INTEGER,), convert=_interval, arrow=lambda _: pa.duration("us"))

CODECS = {"timestamp": timestamp, "timestamptz": timestamptz, "date": date, "time": time, "interval": interval}
