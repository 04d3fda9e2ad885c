"""Find the parts of courses that nobody holds in a year.

A part is one component of one course. It exists where the course has hours of that component.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, overload

from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Value
from django.utils.functional import cached_property

from attribution_project.accent_search import search_condition
from courses.models import Course

from .models import Attribution, Component

HOURS = {Component.CM: "hours_cm", Component.TD: "hours_td", Component.TP: "hours_tp"}
#: The fields of a part in the order of the query's columns.
COLUMNS = ("pk", "code", "title", "department", "level", "semester", "component", "hours")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One component of one course."""

    pk: int
    code: str
    title: str
    department: str
    level: str
    semester: int
    component: str
    hours: Decimal

    @property
    def key(self) -> str:
        """Return the part's value in a form: AGV211:CM."""
        return f"{self.code}:{self.component}"


def parse_key(key: str) -> tuple[str, str]:
    """Return ("AGV211", "CM") for AGV211:CM. Raise ValueError for anything else."""
    code, separator, component = key.partition(":")
    if not separator or not code or component not in Component.values:
        raise ValueError(key)
    return code, component


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
        """Return the filters as a condition on courses."""
        found = Q()
        for name in ("department", "level", "semester"):
            if value := getattr(self, name):
                found &= Q(**{name: value})
        return found & search_condition(self.text, "code", "title")


class FreeParts:
    """The free parts of a year, sorted by code, as a sequence that a Paginator can slice."""

    def __init__(self, year: str, wanted: PartFilter) -> None:
        self._year, self._wanted = year, wanted

    @cached_property
    def _query(self) -> QuerySet[Any]:
        first, *others = (free_courses(self._year, component, self._wanted) for component in Component)
        rows = [self._row(component, query) for component, query in zip(Component, (first, *others), strict=True)]
        return rows[0].union(*rows[1:], all=True).order_by("code", "component")

    def _row(self, component: str, query: QuerySet[Course]) -> QuerySet[Any]:
        return query.annotate(
            component=Value(component, output_field=CharField(max_length=2)), hours=F(HOURS[Component(component)])
        ).values_list(*COLUMNS)

    def count(self) -> int:
        """Return the number of parts, in one query."""
        return self._query.count()

    __len__ = count

    def __iter__(self) -> Iterator[Part]:
        return iter(self[:])

    @overload
    def __getitem__(self, part: int) -> Part: ...
    @overload
    def __getitem__(self, part: slice) -> list[Part]: ...
    def __getitem__(self, part: int | slice) -> Part | list[Part]:
        if isinstance(part, int):
            return self[part : part + 1][0]
        return [Part(**dict(zip(COLUMNS, row, strict=True))) for row in self._query[part]]


def free_courses(year: str, component: str, wanted: PartFilter) -> QuerySet[Course]:
    """Return the courses whose part of this kind nobody holds in this year."""
    held = Attribution.objects.filter(course=OuterRef("pk"), component=component, academic_year=year)
    hours = HOURS[Component(component)]
    return Course.objects.filter(wanted.condition(), ~Exists(held), **{f"{hours}__gt": 0}).order_by()
