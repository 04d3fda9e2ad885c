"""The hours to give of each component of a course in a year."""

from decimal import Decimal
from typing import Any

from django.db.models import F

from .models import Course

#: Component -> the field with its hours.
HOURS = {"CM": "hours_cm", "TD": "hours_td", "TP": "hours_tp"}


def hours_to_give(course: Course, component: str, year: str) -> Decimal:
    """Return the hours of a component in a year, of all its groups."""
    return course.hours_of(component)


def to_give(component: str, prefix: str = "") -> Any:
    """Return the same as an expression for a query of courses, or of what refers to them by ``prefix``."""
    return F(f"{prefix}{HOURS[component]}")
