"""The academic years that there are, and which one is prepared by default: 2026-2027 begins in September 2026."""

import datetime
from collections.abc import Iterable

from django.utils.translation import gettext as _

from attribution_project.once_a_request import once_a_request

from .models import AcademicYear


def format_year(first: int) -> str:
    """Return 2026-2027 for 2026."""
    return f"{first:04}-{first + 1:04}"


def year_of(day: datetime.date) -> str:
    """Return the academic year that is prepared on a day: from July on, the one that begins in September."""
    return format_year(day.year if day.month >= 7 else day.year - 1)


def previous_year(year: str) -> str:
    """Return the year before."""
    return format_year(int(year[:4]) - 1)


def next_year(year: str) -> str:
    """Return the year after."""
    return format_year(int(year[:4]) + 1)


@once_a_request
def _years() -> list[AcademicYear]:
    """Return every year, the newest first."""
    return list(AcademicYear.objects.order_by("-label"))


def current_year() -> str:
    """Return the current year, or else the newest one, or "" if there is none."""
    current = [year.label for year in _years() if year.current]
    return (current or all_years() or [""])[0]


def from_query(text: str | None) -> str:
    """Return the year of a query string if it is in the list, else the current one."""
    return text if text and text in all_years() else current_year()


def chosen(years: Iterable[AcademicYear], text: str | None) -> AcademicYear:
    """Return the year of a query string among those that were read, else the current one, or else the newest one."""
    by_label = {year.label: year for year in years}
    current = next((label for label, year in by_label.items() if year.current), max(by_label, default=""))
    return by_label.get(text or "") or by_label.get(current) or AcademicYear(open=False)


def all_years() -> list[str]:
    """Return every year, the newest first."""
    return [year.label for year in _years()]


def open_years() -> list[str]:
    """Return the years that can be written to, the newest first."""
    return [year.label for year in _years() if year.open]


class ClosedYearError(Exception):
    """The year cannot be written to. The message says so."""


def require_open(year: str, *, lock: bool) -> None:
    """Raise ClosedYearError if the year cannot be written to.

    Whoever closes a year locks its row. So does ``lock``, which a change needs. An added row refers to the year, and
    that keeps it from being closed: call this without ``lock`` after the row was added.
    """
    years = AcademicYear.objects.filter(label=year)
    if not (years.select_for_update(no_key=True) if lock else years).values_list("open", flat=True).first():
        raise ClosedYearError(closed_message(year))


def closed_message(year: str) -> str:
    """Return why nothing was stored in a year that is closed."""
    told = _("The academic year %(year)s is closed: nothing is stored. An administrator can reopen it.")
    return told % {"year": year}


def not_given_message(code: str, year: str) -> str:
    """Return why a course cannot be attributed in a year that it is no course of."""
    return _("%(course)s is not given in %(year)s.") % {"course": code, "year": year}
