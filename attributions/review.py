"""Find the parts to review in a year: more hours are given than there are, or less to those who hold a part.

A part becomes one by a course whose hours were changed after they were given, or by a share that was made smaller.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet

from courses.hours import to_give
from courses.models import CourseYear

from .models import COMPONENTS
from .part_hours import HALF_A_CENT
from .part_shares import PartShares, with_parts
from .workload import sum_of_hours


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewTotal:
    """How many parts there are to review."""

    over: int
    under: int

    @property
    def all(self) -> int:
        """Return the number of both."""
        return self.over + self.under


def _courses(year: str) -> QuerySet[Any]:
    """Return the courses of a year with the hours given and left of each component. A join adds up all of them once."""
    courses: QuerySet[Any] = CourseYear.objects.filter(academic_year__label=year).order_by().values("pk")
    for component in COMPONENTS:
        given = sum_of_hours("attributions__hours", Q(attributions__component=component))
        courses = courses.annotate(**{f"given_{component}": given, f"left_{component}": to_give(component) - given})
    return courses


def _conditions(component: str) -> tuple[Q, Q]:
    """Return the conditions "over" and "under"."""
    given, left = f"given_{component}", f"left_{component}"
    return Q(**{f"{left}__lte": -HALF_A_CENT}), Q(**{f"{left}__gte": HALF_A_CENT, f"{given}__gt": 0})


def count_to_review(year: str) -> ReviewTotal:
    """Return the numbers of parts, in one query."""
    counts: dict[str, Any] = {}
    for component in COMPONENTS:
        over, under = _conditions(component)
        counts |= {f"over_{component}": Count("pk", filter=over), f"under_{component}": Count("pk", filter=under)}
    found = _courses(year).aggregate(**counts)
    return ReviewTotal(
        over=sum(found[f"over_{component}"] for component in COMPONENTS),
        under=sum(found[f"under_{component}"] for component in COMPONENTS),
    )


def courses_to_review(year: str) -> QuerySet[Any]:
    """Return the keys of the courses of the year with a part to review, by their codes."""
    wanted = Q()
    for component in COMPONENTS:
        over, under = _conditions(component)
        wanted |= over | under
    return _courses(year).filter(wanted).order_by("course__code", "pk").values_list("pk", flat=True)


def parts_to_review(courses: QuerySet[CourseYear], year: str) -> list[tuple[CourseYear, list[PartShares]]]:
    """Return these courses, each with its parts to review."""
    return [(one.course, [part for part in one.parts if part.to_review]) for one in with_parts(courses, year)]
