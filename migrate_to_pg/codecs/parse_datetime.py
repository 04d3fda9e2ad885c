"""Parse dates and times as Django does on SQLite, and raise ValueError where Django reads none.

Django (``django.utils.dateparse``) tries Python's ``fromisoformat`` first, then its own regular expressions. They also
accept one digit instead of two, digits of any script, a comma before the fraction, blanks before the offset and a line
break at the end. They are repeated here, because nothing in ``codecs`` imports Django.
"""

from __future__ import annotations

import datetime
import re
from zoneinfo import ZoneInfo

_DAY = r"(\d{4})-(\d{1,2})-(\d{1,2})"
#: The fraction may have up to twelve digits, of which six are read.
_CLOCK = r"(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,6})\d{0,6})?)?"
_OFFSET = r"\s*(?:(Z)|([+-])(\d{2})(?::?(\d{2}))?)?"
# \d matches a digit of any script, and $ also matches before a line break at the end: both as in Django.
_DATE, _TIME = re.compile(f"{_DAY}$"), re.compile(f"{_CLOCK}$")
_MOMENT = re.compile(f"{_DAY}[T ]{_CLOCK}{_OFFSET}$")


def parse_date(text: str) -> datetime.date:
    """Return the date of a text."""
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return datetime.date(*map(int, _parts(_DATE, text)))


def parse_time(text: str) -> datetime.time:
    """Return the time of a text. An offset, which Django would drop, raises ValueError."""
    try:
        parsed = datetime.time.fromisoformat(text)
    except ValueError:
        return datetime.time(*_clock(*_parts(_TIME, text)))
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
