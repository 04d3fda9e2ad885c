"""Keep shares within the hours of their part and of their teacher.

The figures are read under locks that last until the commit. PostgreSQL locks the rows of the course of that year and of
the teacher, in this order everywhere. SQLite has locked the whole database: its transactions begin IMMEDIATE.
"""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from attribution_project.figures import hours_text
from courses.models import CourseYear
from office.models import OfficeSettings

from ..models import Attribution, Teacher
from ..part_hours import PartHours
from ..workload import TeachingLoad
from .results import ResultStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The hours of a share's part and of its teacher, both without the share itself."""

    load: TeachingLoad
    part: PartHours


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a share is not stored."""

    status: ResultStatus
    message: str
    #: Whether a confirmation is all that it needs.
    confirmable: bool = False


def lock(courses: Collection[int], year: str, teachers: Collection[int]) -> dict[int, Teacher]:
    """Lock these courses of the year, and these teachers, always in the same order. Return the teachers by keys."""
    of_year = CourseYear.objects.select_for_update(no_key=True).filter(course__in=courses, academic_year__label=year)
    list(of_year.order_by("pk").values_list("pk"))
    of_teachers = Teacher.objects.select_for_update(no_key=True).filter(pk__in=teachers)
    return {row.pk: row for row in of_teachers.order_by("pk")}


def read_limits(wanted: Attribution) -> Limits:
    """Return the limits of a share, whose course of the year and teacher are locked. Decimals are summed up exactly."""
    part = Q(course=wanted.course_id, component=wanted.component)
    shares = Attribution.objects.filter(
        part | Q(teacher=wanted.teacher_id), academic_year__label=wanted.academic_year_id
    )
    load = given = Decimal(0)
    for pk, teacher, course, component, hours in shares.order_by().values_list(
        "pk", "teacher_id", "course_id", "component", "hours"
    ):
        if pk == wanted.pk:
            continue
        load += hours if teacher == wanted.teacher_id else 0
        given += hours if (course, component) == (wanted.course_id, wanted.component) else 0
    to_give = wanted.course_year.hours_to_give(wanted.component) if wanted.course_year else Decimal(0)
    return Limits(
        load=TeachingLoad(hours=load, maximum=wanted.teacher.max_hours), part=PartHours(to_give=to_give, given=given)
    )


def lock_and_refuse(wanted: Attribution, *, confirmed: bool) -> Refusal | None:
    """Lock the teacher and the course of a share, and return why it would be too much, or None."""
    wanted.course_year = (
        CourseYear.objects.select_for_update(no_key=True)
        .filter(course=wanted.course_id, academic_year__label=wanted.academic_year_id)
        .first()
    )
    wanted.teacher = Teacher.objects.select_for_update(no_key=True).get(pk=wanted.teacher_id)
    return refuse(wanted, confirmed=confirmed)


def refuse(wanted: Attribution, *, confirmed: bool) -> Refusal | None:
    """Return why a share would be too much, or None. Its course of the year and its teacher are locked.

    A share without hours gets those that are left of its part.
    """
    if fault := group_fault(wanted, wanted.course_year):
        return Refusal(status=ResultStatus.INVALID, message=fault)
    limits = read_limits(wanted)
    if not limits.part.to_give:
        return Refusal(status=ResultStatus.INVALID, message=_no_hours_message(wanted))
    hours: Decimal | None = wanted.hours
    wanted.hours = limits.part.left if hours is None else hours
    if limits.part.left <= 0 or wanted.hours > limits.part.left:
        return _refuse_hours(wanted, limits.part, asked=hours, confirmed=confirmed)
    return None if confirmed else _refuse_load(wanted, limits.load)


def refuse_load(wanted: Attribution) -> Refusal | None:
    """Return the refusal of a share that its locked teacher has no hours for, or None."""
    return _refuse_load(wanted, read_limits(wanted).load)


def _refuse_load(wanted: Attribution, load: TeachingLoad) -> Refusal | None:
    if load.fits(wanted.hours):
        return None
    message = _over_maximum_message(wanted, load)
    return Refusal(status=ResultStatus.OVER_MAXIMUM, message=message, confirmable=True)


def group_fault(share: Attribution, course: CourseYear | None) -> str:
    """Return why a share cannot be of its group, or ""."""
    groups = course.groups_of(share.component) if course else share.group
    if share.group <= groups:
        return ""
    told = ngettext("There is %(n)d group of %(component)s.", "There are %(n)d groups of %(component)s.", groups)
    return told % {"n": groups, "component": share.component}


def _refuse_hours(wanted: Attribution, part: PartHours, *, asked: Decimal | None, confirmed: bool) -> Refusal | None:
    """Refuse more hours than are left, unless the office allows that and it is confirmed."""
    confirmable = asked is not None and OfficeSettings.load().may_exceed_hours
    if confirmable and confirmed:
        return None
    if part.left <= 0:
        return Refusal(status=ResultStatus.TAKEN, message=taken_message(wanted), confirmable=confirmable)
    message = _over_hours_message(wanted, part)
    return Refusal(status=ResultStatus.OVER_HOURS, message=message, confirmable=confirmable)


def _no_hours_message(wanted: Attribution) -> str:
    told = _("%(course)s has no hours of %(component)s in %(year)s.")
    return told % {"course": wanted.course.full_code, "component": wanted.component, "year": wanted.academic_year_id}


def taken_message(wanted: Attribution) -> str:
    """Return a message that names the holders of the part."""
    shares = Attribution.objects.select_related("teacher").filter(
        course=wanted.course_id, component=wanted.component, academic_year__label=wanted.academic_year_id
    )
    names = ", ".join(dict.fromkeys(str(share.teacher) for share in shares.order_by("pk")))
    return _("%(course)s %(component)s is already attributed to %(teachers)s for %(year)s.") % {
        "course": wanted.course.full_code,
        "component": wanted.component,
        "teachers": names,
        "year": wanted.academic_year_id,
    }


def _over_hours_message(wanted: Attribution, part: PartHours) -> str:
    told = _("%(course)s %(component)s: %(hours)s h are asked for, but %(left)s h of %(all)s h are left.")
    return told % {
        "course": wanted.course.full_code,
        "component": wanted.component,
        "hours": hours_text(wanted.hours),
        "left": hours_text(part.left),
        "all": hours_text(part.to_give),
    }


def _over_maximum_message(wanted: Attribution, load: TeachingLoad) -> str:
    told = _("%(course)s %(component)s would make %(hours)s h of at most %(most)s h for %(teacher)s.")
    return told % {
        "course": wanted.course.full_code,
        "component": wanted.component,
        "hours": hours_text(load.hours + wanted.hours),
        "most": hours_text(load.maximum),
        "teacher": wanted.teacher,
    }


def grows(changed: Attribution, stored: Attribution) -> bool:
    """Return whether a change asks for more of a part or of a teacher than there is already."""
    moved = changed.teacher_id != stored.teacher_id
    return moved or Decimal(changed.hours) > stored.hours
