"""A text in, the date, time of day or moment out that Django reads of it on SQLite; ValueError where it reads none.

Django (``django.utils.dateparse``) asks Python's ``fromisoformat`` first. What that refuses it reads by regular
expressions of its own: one digit where two are usual, digits of any script, a comma before the fraction, blanks before
the offset, a line break at the end. They are stated anew here, since nothing in ``columns`` imports Django.
"""

from __future__ import annotations

import datetime
import re

_DAY = r"(\d{4})-(\d{1,2})-(\d{1,2})"
#: Of the fraction's digits, at most twelve, six are read.
_CLOCK = r"(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,6})\d{0,6})?)?"
_OFFSET = r"\s*(?:(Z)|([+-])(\d{2})(?::?(\d{2}))?)?"
# \d is a digit of any script, and $ also stands before a line break at the end: both as in Django.
_DATE, _TIME = re.compile(f"{_DAY}$"), re.compile(f"{_CLOCK}$")
_MOMENT = re.compile(f"{_DAY}[T ]{_CLOCK}{_OFFSET}$")


def date_of(text: str) -> datetime.date:
    """The date that a text spells."""
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return datetime.date(*map(int, _parts(_DATE, text)))


def time_of(text: str) -> datetime.time:
    """The time of day that a text spells; none where it has an offset, which Django would drop."""
    try:
        parsed = datetime.time.fromisoformat(text)
    except ValueError:
        return datetime.time(*_clock(*_parts(_TIME, text)))
    if parsed.tzinfo is not None:
        raise ValueError(f"{text} has an offset")
    return parsed


def moment_of(text: str) -> datetime.datetime:
    """The date and time that a text spells, naive where it names no offset."""
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        parts = _parts(_MOMENT, text)
        day, clock = datetime.date(*map(int, parts[:3])), datetime.time(*_clock(*parts[3:7]))
        return datetime.datetime.combine(day, clock, tzinfo=_offset(*parts[7:]))


def _parts(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    found = pattern.match(text)
    if found is None:
        raise ValueError(text)
    return found.groups("")


def _clock(hour: str, minute: str, second: str, fraction: str) -> tuple[int, int, int, int]:
    return int(hour), int(minute), int(second or 0), int(fraction.ljust(6, "0"))


def _offset(utc: str, sign: str, hours: str, minutes: str) -> datetime.timezone | None:
    if utc:
        return datetime.UTC
    if not sign:
        return None
    # 90 minutes are an hour and a half here, too; a day or more is a ValueError.
    away = datetime.timedelta(hours=int(hours), minutes=int(minutes or 0))
    return datetime.timezone(-away if sign == "-" else away)
