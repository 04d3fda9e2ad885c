"""Attribute parts of courses to teachers."""

import logging
from collections.abc import Sequence
from typing import Any, TypedDict

from django.db import Error, IntegrityError
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from attribution_project import failures

from ..forms import AttributionForm
from ..models import Attribution, Teacher
from ..workload import teaching_load
from .results import RETRYABLE, Incident, Outcome, Result, ResultStatus, combine, nothing_chosen

logger = logging.getLogger(__name__)


def assign_parts(forms: Sequence[AttributionForm], user: Any, *, confirmed: bool = False) -> Outcome:
    """Create each attribution in its own transaction: a refused one does not affect the others.

    ``confirmed`` allows to exceed the teacher's maximum.
    """
    if not forms:
        return nothing_chosen()
    results: list[Result] = []
    for form in forms:
        # Without the database, each further part would wait for the timeout.
        away = bool(results) and results[-1].status in RETRYABLE
        results.append(_unavailable_result(form) if away else _try_to_assign(form, user, confirmed))
    return combine(results)


def _try_to_assign(form: AttributionForm, user: Any, confirmed: bool) -> Result:
    try:
        status, message, key = _assign(form, user, confirmed)
    except failures.UnansweredCommitError:
        logger.exception("The commit of %s was not answered", _part_of(form))
        status, message, key = ResultStatus.UNKNOWN, _unknown_message(form), None
    except Error as error:
        if failures.unavailable(error):
            logger.exception("The database was not available for %s", _part_of(form))
            return _unavailable_result(form)
        return _failed_result(error, form, user)
    return Result(status=status, message=message, attribution=key, **_part_of(form))


class _Part(TypedDict):
    course: str
    component: str


def _part_of(form: AttributionForm) -> _Part:
    return {"course": form.course_code(), "component": form.component()}


def _unavailable_result(form: AttributionForm) -> Result:
    message = _("%(course)s %(component)s is not attributed: the database is away. Please try again in a minute.")
    return Result(status=ResultStatus.UNAVAILABLE, message=message % _part_of(form), **_part_of(form))


def _unknown_message(form: AttributionForm) -> str:
    message = _("%(course)s %(component)s may be attributed: the database's answer was lost. Look before trying again.")
    return message % _part_of(form)


def _assign(form: AttributionForm, user: Any, confirmed: bool) -> tuple[ResultStatus, str, int | None]:
    if not form.is_valid():
        return ResultStatus.INVALID, form.faults(), None
    wanted = form.instance
    wanted.created_by = user
    try:
        with failures.atomic():
            if not confirmed and (excess := excess_message(wanted)):
                return ResultStatus.OVER_MAXIMUM, excess, None
            form.save()
    except IntegrityError as error:
        if not is_taken(error):
            raise
        return ResultStatus.TAKEN, taken_message(wanted), None
    return ResultStatus.DONE, _done_message(wanted), wanted.pk


def excess_message(wanted: Attribution) -> str:
    """Return a message if the teacher's maximum would be exceeded, else "". Lock the teacher's row until the commit."""
    teacher = Teacher.objects.select_for_update().only("max_hours").get(pk=wanted.teacher_id)
    load = teaching_load(teacher, wanted.academic_year, excluding=wanted.pk)
    if load.fits(wanted.hours):
        return ""
    return _("%(course)s %(component)s would make %(hours)s h of at most %(most)s h for %(teacher)s.") % {
        "course": wanted.course.code,
        "component": wanted.component,
        "hours": number_format(load.hours + wanted.hours),
        "most": number_format(load.maximum),
        "teacher": wanted.teacher,
    }


def _done_message(made: Attribution) -> str:
    return _("%(course)s %(component)s is attributed to %(teacher)s for %(year)s.") % _names(made, made.teacher)


def _names(part: Attribution, teacher: Teacher) -> dict[str, Any]:
    return {
        "course": part.course.code,
        "component": part.component,
        "teacher": teacher,
        "year": part.academic_year,
    }


def is_taken(error: IntegrityError) -> bool:
    """Return whether the error is "one holder per part and year", which each database names differently."""
    diagnostic = getattr(error.__cause__, "diag", None)
    if diagnostic is not None:
        return bool(diagnostic.constraint_name == "attributions_one_holder_per_part")
    return str(error).startswith(f"UNIQUE constraint failed: {Attribution._meta.db_table}.course_id,")


def taken_message(wanted: Attribution) -> str:
    """Return a message that names the holder of the part."""
    holder = (
        Attribution.objects.select_related("teacher")
        .filter(course=wanted.course, component=wanted.component, academic_year=wanted.academic_year)
        .first()
    )
    if holder is None:
        return _("This part was being attributed by somebody else at the same moment: please try again.")
    return _("%(course)s %(component)s is already attributed to %(teacher)s for %(year)s.") % _names(
        wanted, holder.teacher
    )


def incident_of(error: Error, user: Any, sentence: str) -> Incident:
    """Log the error under a reference, and return what was not done, with the database's own line for staff.

    If the database is away, raise the error again: it has its own page.
    """
    if failures.unavailable(error):
        raise error
    reference = failures.new_reference()
    logger.error("Reference %s: %s", reference, sentence, exc_info=error)
    lines = str(error).splitlines() or [type(error).__name__]
    return Incident(sentence=sentence, reference=reference, detail=lines[0] if user.is_staff else "")


def _failed_result(error: Error, form: AttributionForm, user: Any) -> Result:
    course = form.course_code()
    sentence = _("%(course)s %(component)s could not be attributed: the database refused it.") % _part_of(form)
    incident = incident_of(error, user, sentence)
    logger.error("Reference %s: attribution of course %r failed", incident.reference, course)
    reason = incident.detail or _("please give the reference %(reference)s to an administrator") % {
        "reference": incident.reference
    }
    message = _("Error while creating the attribution for course %(course)s: %(error)s")
    return Result(
        status=ResultStatus.FAILED,
        message=message % {"course": course, "error": reason},
        incident=incident,
        **_part_of(form),
    )
