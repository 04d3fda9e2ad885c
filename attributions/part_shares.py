"""The courses of a year with the shares of their parts: on the page of a course, of a department, and to review.

These pages show hundreds of shares. A named tuple is made in a fifth of the time of a model's instance.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from django.db.models import QuerySet

from courses.models import CONTENT, CourseYear

from .models import COMPONENTS, Attribution, Teacher
from .part_hours import HALF_A_CENT, PartHours

#: What is not read of a course: it is read of the course of the year.
_CONTENT_OF_COURSE = [f"course__{name.removesuffix('_id')}" for name in CONTENT]


class Share(NamedTuple):
    """What these pages show of an attribution."""

    pk: int
    course: int
    component: str
    hours: Decimal
    group: int
    role: str
    starts_on: datetime.date | None
    ends_on: datetime.date | None
    teacher: Teacher


@dataclass(frozen=True, slots=True, kw_only=True)
class PartShares:
    """One part with its shares and its hours."""

    component: str
    hours: PartHours
    shares: Sequence[Share]

    @property
    def is_open(self) -> bool:
        """Return whether hours are left."""
        return self.hours.left >= HALF_A_CENT

    @property
    def to_review(self) -> bool:
        """Return whether more is given than there is, or less to those who hold it."""
        return bool(self.shares) and abs(self.hours.left) >= HALF_A_CENT


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseParts:
    """A course of a year and its parts."""

    course: CourseYear
    parts: list[PartShares]


def with_parts(courses: QuerySet[CourseYear], year: str) -> list[CourseParts]:
    """Return these courses of a year with the shares of their parts, in three queries: each teacher is read once."""
    shares = _shares_of(courses, year)
    found = courses.select_related("course").defer(*_CONTENT_OF_COURSE)
    return [CourseParts(course=course, parts=parts_of(course, shares.get(course.course_id, ()))) for course in found]


def _shares_of(courses: QuerySet[CourseYear], year: str) -> dict[int, list[Share]]:
    """Return the shares of each course in a year."""
    held = Attribution.objects.filter(academic_year__label=year, course__in=courses.order_by().values("course"))
    rows = list(held.order_by("group", "pk").values_list(*Share._fields))
    teachers = Teacher.objects.in_bulk({row[-1] for row in rows})
    found: dict[int, list[Share]] = defaultdict(list)
    for row in rows:
        share = Share._make((*row[:-1], teachers[row[-1]]))
        found[share.course].append(share)
    return found


def parts_of(course: CourseYear, shares: Iterable[Share]) -> list[PartShares]:
    """Return the parts of a course of a year: those that have hours, and those that somebody holds all the same."""
    found = []
    for component in COMPONENTS:
        mine = [share for share in shares if share.component == component]
        hours = PartHours(
            to_give=course.hours_to_give(component), given=sum((share.hours for share in mine), Decimal(0))
        )
        if hours.to_give or mine:
            found.append(PartShares(component=component, hours=hours, shares=mine))
    return found
