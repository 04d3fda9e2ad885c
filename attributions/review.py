"""Find the parts to review in a year: more hours are given than there are, or less to those who hold a part.

A part becomes one by a course whose hours were changed after they were given, or by a share that was made smaller.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet, Value

from courses.hours import to_give
from courses.models import CourseYear

from .models import Component
from .part_hours import HALF_A_CENT, HoursGiven
from .statistics import PartShares, with_parts


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewTotal:
    """How many parts there are to review."""

    over: int
    under: int

    @property
    def all(self) -> int:
        """Return the number of both."""
        return self.over + self.under


def _conditions(year: str, component: str) -> tuple[dict[str, Any], Q, Q]:
    """Return the hours given and left of a component as annotations, and the conditions "over" and "under"."""
    given, left = f"given_{component}", f"left_{component}"
    hours = HoursGiven("course_id", year, Value(component))
    over = Q(**{f"{left}__lte": -HALF_A_CENT})
    under = Q(**{f"{left}__gte": HALF_A_CENT, f"{given}__gt": 0})
    return {given: hours, left: to_give(component) - hours}, over, under


def count_to_review(year: str) -> ReviewTotal:
    """Return the numbers of parts, in one query."""
    annotations: dict[str, Any] = {}
    counts: dict[str, Any] = {}
    for component in Component.values:
        hours, over, under = _conditions(year, component)
        annotations |= hours
        counts |= {f"over_{component}": Count("pk", filter=over), f"under_{component}": Count("pk", filter=under)}
    # distinct() makes a subquery of it: each sum is computed once, and not again in every count.
    courses = CourseYear.objects.filter(academic_year__label=year).order_by().values("pk").distinct()
    found = courses.annotate(**annotations).aggregate(**counts)
    return ReviewTotal(
        over=sum(found[f"over_{component}"] for component in Component.values),
        under=sum(found[f"under_{component}"] for component in Component.values),
    )


def courses_to_review(year: str) -> QuerySet[CourseYear]:
    """Return the courses with a part to review, by their codes."""
    courses, wanted = CourseYear.objects.filter(academic_year__label=year).order_by("course__code", "pk"), Q()
    for component in Component.values:
        hours, over, under = _conditions(year, component)
        courses, wanted = courses.annotate(**hours), wanted | over | under
    return courses.filter(wanted)


def parts_to_review(courses: QuerySet[CourseYear], year: str) -> list[tuple[CourseYear, list[PartShares]]]:
    """Return these courses, each with its parts to review."""
    return [(one.course, [part for part in one.parts if part.to_review]) for one in with_parts(courses, year)]
