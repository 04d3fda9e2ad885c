"""The table of a department's courses in a year, to be printed: all of them, so that each line is text already."""

from collections.abc import Iterator
from typing import NamedTuple

from django.utils.translation import gettext as _

from attribution_project.figures import hours_text
from courses.models import CourseYear

from .part_shares import CourseParts, PartShares, with_parts
from .share_marks import marks


class Line(NamedTuple):
    """A share, or the hours left of a part."""

    component: str
    marks: str
    hours: str
    #: The holder with the matricule, or "" where nobody is.
    teacher: str
    matricule: str
    #: What there is to say instead of the holder.
    left: str


class CourseLines(NamedTuple):
    """A course of the year with its lines."""

    course: CourseYear
    lines: list[Line]


def courses_of(department: str, year: str) -> list[CourseLines]:
    """Return the courses of a department in a year by level and semester."""
    courses = CourseYear.objects.filter(academic_year__label=year, course__department=department)
    ordered = courses.order_by("level__position", "level_id", "semester", "course__code", "pk")
    return [CourseLines(one.course, list(_lines_of(one))) for one in with_parts(ordered, year)]


def _lines_of(course: CourseParts) -> Iterator[Line]:
    for part in course.parts:
        for share in part.shares:
            text = hours_text(share.hours)
            yield Line(part.component, marks(share), text, str(share.teacher), share.teacher.matricule, "")
        if part.is_open:
            yield Line(part.component, "", hours_text(part.hours.left), "", "", _left_text(part))


def _left_text(part: PartShares) -> str:
    return str(part.hours) if part.shares else _("free")
