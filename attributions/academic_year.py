"""Compute academic years: 2026-2027 begins in September 2026."""

import datetime
import re

from django.db.models import Max, Min
from django.utils import timezone

from .models import YEAR_PATTERN, Attribution


def format_year(first: int) -> str:
    """Return 2026-2027 for 2026."""
    return f"{first:04}-{first + 1:04}"


def year_of(day: datetime.date) -> str:
    """Return the academic year that is prepared on a day: from July on, the one that begins in September."""
    return format_year(day.year if day.month >= 7 else day.year - 1)


def current_year() -> str:
    """Return the year that is prepared today."""
    return year_of(timezone.localdate())


def previous_year(year: str) -> str:
    """Return the year before."""
    return format_year(int(year[:4]) - 1)


def next_year(year: str) -> str:
    """Return the year after."""
    return format_year(int(year[:4]) + 1)


def from_query(text: str | None) -> str:
    """Return the year of a query string, or the current one if it has none."""
    if text and re.fullmatch(YEAR_PATTERN, text, re.ASCII) and text == format_year(int(text[:4])):
        return text
    return current_year()


def all_years(*, including: str) -> list[str]:
    """Return every year from the first attribution to the one after the current, the newest first."""
    ends = Attribution.objects.aggregate(first=Min("academic_year"), last=Max("academic_year"))
    found = [including, current_year(), next_year(current_year()), *(year for year in ends.values() if year)]
    return [format_year(first) for first in range(int(max(found)[:4]), int(min(found)[:4]) - 1, -1)]
