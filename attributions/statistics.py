"""Figures of a year: progress, free parts, and hours against each maximum.

The database sums up all figures. A query returns no more rows than the page shows.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict

from django.db.models import F, Prefetch, QuerySet, Value
from django.db.models.functions import Greatest

from courses.hours import HoursField, to_give
from courses.models import CourseYear, dictionary_key

from .models import Attribution, Component, Teacher
from .part_hours import HALF_A_CENT, HoursLeft, PartHours
from .workload import hours_of_teacher, sum_of_hours

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Hours(TypedDict):
        hours: Decimal

    TeacherWithHours = WithAnnotations[Teacher, _Hours]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Hours to give and hours left of one group of courses."""

    name: str
    all: Decimal
    free: Decimal

    @property
    def held(self) -> Decimal:
        """Return the hours given, without those that are too many."""
        return self.all - self.free

    @property
    def percent(self) -> int:
        """Return the percentage given, rounded down: 100 means all."""
        return int(100 * self.held / self.all) if self.all else 100


def progress_by(field: str, year: str) -> list[Progress]:
    """Return the progress of each "level" or "course__department" of a year, in the order of their lists."""
    given = CourseYear.objects.filter(academic_year__label=year, course__active=True)
    order = ("level__position", "level") if field == "level" else ()
    rows = given.order_by(*order).values(field).annotate(**_sums())
    found = [Progress(name=row[field], all=_sum(row, "all"), free=_sum(row, "free")) for row in rows]
    return found if order else sorted(found, key=lambda one: dictionary_key(one.name))


def _sums() -> dict[str, Any]:
    """Return the sums of hours to give and of hours left for each component."""
    sums: dict[str, Any] = {}
    for component in Component.values:
        left = Greatest(HoursLeft(component), Value(Decimal(0)), output_field=HoursField())
        sums |= {f"all_{component}": sum_of_hours(to_give(component)), f"free_{component}": sum_of_hours(left)}
    return sums


def _sum(row: dict[str, Any], name: str) -> Decimal:
    return sum((row[f"{name}_{component}"] for component in Component.values), Decimal(0))


def teachers_by_load(year: str, department: str = "") -> "QuerySet[TeacherWithHours]":
    """Return teachers with their ``hours`` of this year, sorted by the share of their maximum."""
    found = Teacher.objects.filter(department=department) if department else Teacher.objects.all()
    return by_load(found.annotate(hours=hours_of_teacher(year)))


def by_load(teachers: "QuerySet[TeacherWithHours]") -> "QuerySet[TeacherWithHours]":
    """Sort teachers who have ``hours`` by the share of their maximum."""
    part = F("hours") * Value(Decimal(100)) / (F("max_hours") + Value(Decimal("0.01")))
    return teachers.order_by(part.desc(), "last_name", "first_name", "pk")


def total_progress(progress: list[Progress]) -> Progress:
    """Return the sum of all groups."""
    return Progress(
        name="", all=sum((p.all for p in progress), Decimal(0)), free=sum((p.free for p in progress), Decimal(0))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PartShares:
    """One part with its shares and its hours."""

    component: str
    hours: PartHours
    shares: list[Attribution]

    @property
    def is_open(self) -> bool:
        """Return whether hours are left."""
        return self.hours.left >= HALF_A_CENT

    @property
    def to_review(self) -> bool:
        """Return whether more is given than there is, or less to those who hold it."""
        return bool(self.shares) and abs(self.hours.left) >= HALF_A_CENT

    @property
    def rows(self) -> int:
        """Return the rows of a table that it takes: one for each share, and one for the hours left, if any."""
        return len(self.shares) + self.is_open


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseParts:
    """A course of a year and its parts."""

    course: CourseYear
    parts: list[PartShares]

    @property
    def rows(self) -> int:
        """Return the rows of a table that it takes."""
        return sum(part.rows for part in self.parts)


def courses_of(department: str, year: str) -> list[CourseParts]:
    """Return the courses of a department and the shares of their parts in a year, in two queries."""
    courses: Any = CourseYear.objects.filter(academic_year__label=year, course__department=department)
    return with_parts(courses.order_by("level__position", "level_id", "semester", "course__code", "pk"), year)


def with_parts(courses: QuerySet[CourseYear], year: str) -> list[CourseParts]:
    """Return these courses of a year with the shares of their parts, in two queries."""
    shares = Attribution.objects.filter(academic_year__label=year).select_related("teacher").order_by("group", "pk")
    found: Any = courses.select_related("course").prefetch_related(
        Prefetch("course__attributions", queryset=shares, to_attr="shares")
    )
    return [CourseParts(course=course, parts=parts_of(course, course.course.shares)) for course in found]


def parts_of(course: CourseYear, shares: Iterable[Attribution]) -> list[PartShares]:
    """Return the parts of a course of a year: those that have hours, and those that somebody holds all the same."""
    found = []
    for component in Component.values:
        mine = [share for share in shares if share.component == component]
        hours = PartHours(
            to_give=course.hours_to_give(component), given=sum((share.hours for share in mine), Decimal(0))
        )
        if hours.to_give or mine:
            found.append(PartShares(component=component, hours=hours, shares=mine))
    return found
