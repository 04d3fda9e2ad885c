"""What the decision letters of a year say: one for a teacher, or all of a department."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from office.models import OfficeSettings

from .models import Attribution, Teacher
from .service_hours import Service, count, discharged_hours, taught_hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One teacher's letter."""

    teacher: Teacher
    rows: list[Attribution]
    service: Service
    #: As the office files it, or "".
    reference: str


def letter_of(teacher: QuerySet[Teacher], year: str, settings: OfficeSettings) -> Letter | None:
    """Return the letter of the teacher that the query finds, even if nothing is attributed, or None."""
    found = _with_discharges(teacher, year).first()
    if found is None:
        return None
    return _letter(found, list(_shares_of(year).filter(teacher=found)), year, settings)


def letters_of(department: str, year: str, settings: OfficeSettings) -> list[Letter]:
    """Return the letters of the teachers of a department to whom something is attributed."""
    rows: dict[int, list[Attribution]] = defaultdict(list)
    for row in _shares_of(year).filter(teacher__department=department):
        rows[row.teacher_id].append(row)
    teachers = _with_discharges(Teacher.objects.filter(pk__in=rows), year)
    return [_letter(teacher, rows[teacher.pk], year, settings) for teacher in teachers]


def _with_discharges(teachers: QuerySet[Teacher], year: str) -> QuerySet[Any]:
    return teachers.select_related("grade").annotate(discharged=discharged_hours(year))


def _shares_of(year: str) -> QuerySet[Attribution]:
    """Return the attributions of a year in the order of a letter."""
    found = Attribution.objects.filter(academic_year__label=year).select_related("course", "course_year")
    return found.order_by("course_year__semester", "course__code", "component", "group", "starts_on", "pk")


def _letter(teacher: Any, rows: list[Attribution], year: str, settings: OfficeSettings) -> Letter:
    owed, discharged = teacher.grade.service_hours, teacher.discharged
    return Letter(
        teacher=teacher,
        rows=rows,
        service=count(taught_hours(rows), owed=owed, discharged=discharged, settings=settings),
        reference=settings.reference_of(year, teacher.matricule),
    )
