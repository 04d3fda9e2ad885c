"""Attribute parts of courses to teachers."""

import logging
from collections.abc import Sequence
from typing import Any, TypedDict

from django.db import Error, IntegrityError, connection
from django.utils.translation import gettext as _

from attribution_project import failures
from courses.academic_year import ClosedYearError, require_open

from ..forms import AttributionForm
from ..models import Attribution
from .limits import Refusal, refuse
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
        return _assign(form, user, confirmed)
    except failures.UnansweredCommitError:
        logger.exception("The commit of %s was not answered", _part_of(form))
        return Result(status=ResultStatus.UNKNOWN, message=_unknown_message(form), **_part_of(form))
    except Error as error:
        if failures.unavailable(error):
            logger.exception("The database was not available for %s", _part_of(form))
            return _unavailable_result(form)
        return _failed_result(error, form, user)


class _Part(TypedDict):
    course: str
    component: str
    department: str


def _part_of(form: AttributionForm) -> _Part:
    return {"course": form.course_code(), "component": form.component(), "department": form.department()}


def _unavailable_result(form: AttributionForm) -> Result:
    message = _("%(course)s %(component)s is not attributed: the database is away. Please try again in a minute.")
    return Result(status=ResultStatus.UNAVAILABLE, message=message % _part_of(form), **_part_of(form))


def _unknown_message(form: AttributionForm) -> str:
    message = _("%(course)s %(component)s may be attributed: the database's answer was lost. Look before trying again.")
    return message % _part_of(form)


def _assign(form: AttributionForm, user: Any, confirmed: bool) -> Result:
    """Find the teacher and the course by the form, under locks, then store the share."""
    wanted = form.instance
    wanted.created_by = user
    try:
        with failures.atomic():
            if not form.is_valid():
                return Result(status=ResultStatus.INVALID, message=form.faults(), **_part_of(form))
            if refusal := refuse(wanted, confirmed=confirmed):
                return _refused_result(refusal, form)
            form.save()
            if connection.features.has_select_for_update:  # else nobody has written since the form was validated
                require_open(wanted.academic_year_id, lock=False)
    except ClosedYearError as error:
        return Result(status=ResultStatus.INVALID, message=str(error), **_part_of(form))
    except IntegrityError as error:
        if not is_same_share(error):
            raise
        return Result(status=ResultStatus.TAKEN, message=same_share_message(wanted), **_part_of(form))
    return Result(status=ResultStatus.DONE, message=_done_message(wanted), attribution=wanted.pk, **_part_of(form))


def _refused_result(refusal: Refusal, form: AttributionForm) -> Result:
    return Result(
        status=refusal.status,
        message=refusal.message,
        confirmable=refusal.confirmable,
        hours=str(form.data.get("hours", "")),
        group=str(form.data.get("group", "")),
        **_part_of(form),
    )


def _done_message(made: Attribution) -> str:
    return _("%(course)s %(component)s is attributed to %(teacher)s for %(year)s.") % _names(made)


def _names(share: Attribution) -> dict[str, Any]:
    return {
        "course": share.course.full_code,
        "component": share.component,
        "teacher": share.teacher,
        "year": share.academic_year_id,
    }


def is_same_share(error: Error) -> bool:
    """Return whether the error is "no share twice", which each database reports differently."""
    if not isinstance(error, IntegrityError):
        return False
    diagnostic = getattr(error.__cause__, "diag", None)
    name = "attributions_no_share_twice"
    return bool(diagnostic.constraint_name == name) if diagnostic is not None else f"'{name}'" in str(error)


def same_share_message(wanted: Attribution) -> str:
    """Return a message that names the share that is there already."""
    told = _("%(teacher)s already has this share of %(course)s %(component)s in %(year)s: change its hours instead.")
    return told % _names(wanted)


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
