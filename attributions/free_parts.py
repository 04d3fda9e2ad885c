"""Find the parts of courses of which hours are left in a year."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, overload

from django.db.models import Count, Q, QuerySet
from django.utils.functional import cached_property

from attribution_project.accent_search import search_condition
from courses.codes import join_code
from courses.models import CourseYear

from .models import COMPONENTS
from .part_hours import HALF_A_CENT, LEFT, PartHours, any_left, lefts
from .workload import sum_of_hours

#: What is read of each course of a year.
COLUMNS = (
    "course_id", "course__code", "course__code_unique", "title", "course__department", "level_id", "semester",
    *LEFT.values(),
    *(f"{name}_{component.lower()}" for component in LEFT for name in ("hours", "groups")),
)  # fmt: skip
#: Courses on a page of free parts: each has up to three.
COURSES_ON_A_PAGE = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One component of one course, of which hours are left."""

    pk: int
    code: str
    #: Whether the code alone names the course.
    code_unique: bool
    title: str
    department: str
    level: str
    semester: int
    component: str
    hours: PartHours
    groups: int

    @property
    def full_code(self) -> str:
        """Return the code, with the department where the code alone is too little."""
        return self.code if self.code_unique else join_code(self.code, self.department)

    @property
    def group_numbers(self) -> range:
        """Return the numbers of the groups."""
        return range(1, self.groups + 1)

    @property
    def key(self) -> str:
        """Return the part's value in a form: AGV211:CM, or AGV211:CM:Agronomie where the code alone is too little."""
        return f"{self.code}:{self.component}" + ("" if self.code_unique else f":{self.department}")


def parse_key(key: str) -> tuple[str, str, str]:
    """Return ("AGV211", "CM", "Agronomie") for AGV211:CM:Agronomie. Raise ValueError for anything else."""
    code, component, department = (*key.split(":", 2), "", "")[:3]
    if not code or component not in COMPONENTS:
        raise ValueError(key)
    return code, component, department


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFilter:
    """The filters of the list. Empty means all."""

    department: str = ""
    level: str = ""
    semester: str = ""
    text: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "PartFilter":
        """Read the filters from a query string."""

        def given(name: str) -> str:
            return query.get(name, "").replace("\x00", "").strip()

        semester = given("semester")
        return cls(
            department=given("department"),
            level=given("level"),
            semester=semester if semester in ("1", "2") else "",
            text=given("q"),
        )

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Return the filters as pairs for a query string."""
        return [("department", self.department), ("level", self.level), ("semester", self.semester), ("q", self.text)]

    def condition(self) -> Q:
        """Return the filters as a condition on courses of a year."""
        values = {"course__department": self.department, "level": self.level, "semester": self.semester}
        found = Q(**{field: value for field, value in values.items() if value})
        return found & search_condition(self.text, "course__code", "title")


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeTotal:
    """What is left in a year, with these filters."""

    courses: int
    parts: int
    hours: Decimal


@cache
def _open_courses() -> QuerySet[Any]:
    """Return the courses of all years with hours left. Django needs half a millisecond to put the query together."""
    found: QuerySet[Any] = CourseYear.objects.filter(course__active=True).annotate(**lefts())
    return found.filter(any_left()).order_by("course__code", "pk")


class FreeParts:
    """The courses of a year of which hours are left, sorted by code, as a sequence that a Paginator can slice."""

    def __init__(self, year: str, wanted: PartFilter) -> None:
        self._year, self._wanted = year, wanted

    @cached_property
    def _query(self) -> QuerySet[Any]:
        return _open_courses().filter(self._wanted.condition(), academic_year__label=self._year)

    @cached_property
    def total(self) -> FreeTotal:
        """Return the numbers of courses, parts and hours, in one query."""
        free = {component: Q(**{f"{name}__gte": HALF_A_CENT}) for component, name in LEFT.items()}
        figures: dict[str, Any] = {f"parts_{component}": Count("pk", filter=free[component]) for component in LEFT}
        figures |= {f"hours_{component}": sum_of_hours(LEFT[component], free[component]) for component in LEFT}
        found = self._query.order_by().aggregate(courses=Count("pk"), **figures)
        return FreeTotal(
            courses=found["courses"],
            parts=sum(found[f"parts_{component}"] for component in LEFT),
            hours=sum((found[f"hours_{component}"] for component in LEFT), Decimal(0)),
        )

    def count(self) -> int:
        """Return the number of courses."""
        return self.total.courses

    __len__ = count

    def __iter__(self) -> Iterator[list[Part]]:
        return iter(self[:])

    @overload
    def __getitem__(self, courses: int) -> list[Part]: ...
    @overload
    def __getitem__(self, courses: slice) -> list[list[Part]]: ...
    def __getitem__(self, courses: int | slice) -> list[Part] | list[list[Part]]:
        """Return the free parts of a course, or of several, in one query."""
        if isinstance(courses, int):
            return self[courses : courses + 1][0]
        return [_parts_of(row) for row in self._query.values(*COLUMNS)[courses]]


def _parts_of(row: dict[str, Any]) -> list[Part]:
    """Return the parts of a row of COLUMNS: those of which hours are left."""
    found = []
    for component, name in LEFT.items():
        if (left := row[name]) >= HALF_A_CENT:
            end = component.lower()
            to_give = row[f"hours_{end}"] * row[f"groups_{end}"]
            found.append(
                Part(
                    pk=row["course_id"],
                    code=row["course__code"],
                    code_unique=row["course__code_unique"],
                    title=row["title"],
                    department=row["course__department"],
                    level=row["level_id"],
                    semester=row["semester"],
                    component=component,
                    hours=PartHours(to_give=to_give, given=to_give - left),
                    groups=row[f"groups_{end}"],
                )
            )
    return found
