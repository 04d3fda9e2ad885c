"""Figures of a year: progress, free parts, and hours against each maximum.

The database sums up all figures. A query returns no more rows than the page shows.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, TypedDict

from django.db.models import F, QuerySet, Value
from django.db.models.functions import Greatest

from courses.hours import HoursField, to_give
from courses.models import CourseYear, dictionary_key

from .models import COMPONENTS, Teacher
from .part_hours import HoursLeft
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
    rows = given.order_by(*order).values_list(field).annotate(all=_all_hours(), free=_free_hours())
    found = [Progress(name=name, all=hours, free=free) for name, hours, free in rows]
    return found if order else sorted(found, key=lambda one: dictionary_key(one.name))


def _all_hours() -> Any:
    """Return the sum of hours to give of a query of courses of a year."""
    return sum_of_hours(reduce(add, map(to_give, COMPONENTS)))


def _free_hours() -> Any:
    """Return the sum of hours left: those too many of one component make up for nothing of another."""
    lefts = (Greatest(HoursLeft(one), Value(Decimal(0)), output_field=HoursField()) for one in COMPONENTS)
    return sum_of_hours(reduce(add, lefts))


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
