"""The teachers that a form offers, with what they are free for in a year."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, Q, When, Window

from attribution_project.accent_search import search_condition

from .models import Teacher
from .workload import TeachingLoad, hours_of_teacher

TEACHERS_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTeachers:
    """The first teachers that were found, each with ``hours`` of the year, and how many there are besides."""

    teachers: list[Any]
    more: int = 0

    def __iter__(self) -> Iterator[tuple[Teacher, TeachingLoad]]:
        """Yield each teacher with the load of the year."""
        for teacher in self.teachers:
            yield teacher, TeachingLoad(hours=teacher.hours, maximum=teacher.max_hours)

    @property
    def count(self) -> int:
        """Return how many were found in all."""
        return len(self.teachers) + self.more

    def __bool__(self) -> bool:
        """Return whether anybody was found."""
        return bool(self.teachers)


def find_teachers(sought: str, year: str, chosen: str = "") -> FoundTeachers:
    """Return the active teachers whose name or matricule contains every word, in one query.

    First comes the one with the matricule ``chosen``, whatever is sought.
    """
    words = search_condition(sought, "last_name", "first_name", "matricule")
    first = Q(matricule=chosen.replace("\x00", ""))
    found = Teacher.objects.filter(Q(words, active=True) | first).select_related("grade")
    order = (Case(When(first, then=0), default=1), "last_name", "first_name", "matricule")
    rows = list(found.annotate(hours=hours_of_teacher(year), all=Window(Count("pk"))).order_by(*order)[:TEACHERS_SHOWN])
    return FoundTeachers(teachers=rows, more=rows[0].all - len(rows) if rows else 0)
