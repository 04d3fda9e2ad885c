"""Figures of a year: progress, free parts, and hours against each maximum.

The database sums up all figures. A query returns no more rows than the page shows.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict

from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from courses.models import Course, dictionary_key

from .free_parts import HOURS
from .models import Attribution, Component, Teacher
from .workload import HoursField, sum_of_hours

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Hours(TypedDict):
        hours: Decimal

    TeacherWithHours = WithAnnotations[Teacher, _Hours]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Parts held and all parts of one group of courses."""

    name: str
    held: int
    all: int

    @property
    def free(self) -> int:
        """Return the number of free parts."""
        return self.all - self.held

    @property
    def percent(self) -> int:
        """Return the percentage held, rounded down: 100 means all."""
        return 100 * self.held // self.all if self.all else 100


def progress_by(field: str, year: str) -> list[Progress]:
    """Return the progress of each "level" or "department", in one query."""
    rows = Course.objects.order_by(field).values(field).annotate(**_counts(year))
    found = [Progress(name=row[field], held=_sum(row, "held"), all=_sum(row, "all")) for row in rows]
    return sorted(found, key=lambda one: dictionary_key(one.name))


def _counts(year: str) -> dict[str, Count]:
    """Return counts for each component: courses that have it, and courses where somebody holds it."""
    counts: dict[str, Count] = {}
    for component, hours in HOURS.items():
        there = Q(**{f"{hours}__gt": 0})
        held = Attribution.objects.filter(course=OuterRef("pk"), component=component, academic_year=year)
        counts |= {
            f"all_{component}": Count("pk", filter=there),
            f"held_{component}": Count("pk", filter=there & Q(Exists(held))),
        }
    return counts


def _sum(row: dict[str, Any], name: str) -> int:
    return sum(row[f"{name}_{component}"] for component in Component)


def teachers_by_load(year: str, department: str = "") -> "QuerySet[TeacherWithHours]":
    """Return teachers with their ``hours`` of this year, sorted by the share of their maximum."""
    held = Attribution.objects.filter(teacher=OuterRef("pk"), academic_year=year).order_by()
    hours = Subquery(
        held.values("teacher").annotate(total=sum_of_hours("hours")).values("total"), output_field=HoursField()
    )
    found = Teacher.objects.filter(department=department) if department else Teacher.objects.all()
    part = F("hours") * Value(Decimal(100)) / (F("max_hours") + Value(Decimal("0.01")))
    return found.annotate(hours=Coalesce(hours, Value(Decimal(0)), output_field=HoursField())).order_by(
        part.desc(), "last_name", "first_name", "pk"
    )


def total_progress(progress: list[Progress]) -> Progress:
    """Return the sum of all groups."""
    return Progress(name="", held=sum(p.held for p in progress), all=sum(p.all for p in progress))


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseParts:
    """A course, and the attribution of each of its parts, or None if it is free."""

    course: Course
    parts: list[tuple[str, Decimal, Attribution | None]]


def courses_of(department: str, year: str) -> list[CourseParts]:
    """Return the courses of a department and the holders of their parts in a year, in two queries."""
    held = Attribution.objects.filter(academic_year=year).select_related("teacher")
    courses = Course.objects.filter(department=department).order_by("level", "semester", "code")
    return [
        CourseParts(course=course, parts=_parts_of(course))
        for course in courses.prefetch_related(Prefetch("attributions", queryset=held, to_attr="held"))
    ]


def _parts_of(course: Any) -> list[tuple[str, Decimal, Attribution | None]]:
    holders = {attribution.component: attribution for attribution in course.held}
    return [
        (component.value, course.hours_of(component), holders.get(component))
        for component in Component
        if course.hours_of(component) or component in holders
    ]
