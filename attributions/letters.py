"""What the decision letters of a year say: one for a teacher, or all of a department."""

import datetime
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import QuerySet

from courses.codes import join_code
from office.models import OfficeSettings

from .models import Attribution, Load, Teacher
from .service_hours import Service, count, discharged_hours, taught_hours

#: Where each field of a Row is.
_PATHS = {
    "code": "course__code", "code_unique": "course__code_unique", "department": "course__department",
    "title": "course_year__title", "level": "course_year__level", "semester": "course_year__semester",
}  # fmt: skip


class Row(NamedTuple):
    """What a letter says of an attribution. A department has hundreds: a model's instance costs five times as much."""

    teacher: int
    component: str
    load: str
    hours: Decimal
    role: str
    group: int
    starts_on: datetime.date | None
    ends_on: datetime.date | None
    teacher_note: str
    code: str
    code_unique: bool
    department: str
    #: None in a database where the course is not given in that year.
    title: str | None
    level: str | None
    semester: int | None

    @property
    def full_code(self) -> str:
        """Return the code, with the department where the code alone is not unique."""
        return self.code if self.code_unique else join_code(self.code, self.department)

    @property
    def kind(self) -> Any:
        """Return the name of the kind of load."""
        return Load(self.load).label


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One teacher's letter."""

    teacher: Teacher
    rows: list[Row]
    service: Service
    #: As the office files it, or "".
    reference: str


def letter_of(teacher: QuerySet[Teacher], year: str, settings: OfficeSettings) -> Letter | None:
    """Return the letter of the teacher that the query finds, even if nothing is attributed, or None."""
    found = _with_discharges(teacher, year).first()
    if found is None:
        return None
    return _letter(found, _rows(Attribution.objects.filter(teacher=found), year), year, settings)


def letters_of(department: str, year: str, settings: OfficeSettings) -> list[Letter]:
    """Return the letters of the teachers of a department to whom something is attributed."""
    rows: dict[int, list[Row]] = defaultdict(list)
    for row in _rows(Attribution.objects.filter(teacher__department=department), year):
        rows[row.teacher].append(row)
    teachers = _with_discharges(Teacher.objects.filter(pk__in=rows), year)
    return [_letter(teacher, rows[teacher.pk], year, settings) for teacher in teachers]


def _with_discharges(teachers: QuerySet[Teacher], year: str) -> QuerySet[Any]:
    return teachers.select_related("grade").annotate(discharged=discharged_hours(year))


def _rows(held: QuerySet[Attribution], year: str) -> list[Row]:
    """Return those of a year in the order of a letter."""
    of_year = held.filter(academic_year__label=year)
    found = of_year.order_by("course_year__semester", "course__code", "component", "group", "starts_on", "pk")
    return [Row(*row) for row in found.values_list(*(_PATHS.get(name, name) for name in Row._fields))]


def _letter(teacher: Any, rows: list[Row], year: str, settings: OfficeSettings) -> Letter:
    owed, discharged = teacher.grade.service_hours, teacher.discharged
    return Letter(
        teacher=teacher,
        rows=rows,
        service=count(taught_hours(rows), owed=owed, discharged=discharged, settings=settings),
        reference=settings.reference_of(year, teacher.matricule),
    )
