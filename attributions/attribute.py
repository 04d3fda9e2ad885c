"""A filled form in, an Outcome out: attributed, refused, or failed in the database."""

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.db import Error, IntegrityError, transaction
from django.utils.translation import gettext as _

from attribution_project.errors import new_reference

from .forms import AttributionForm
from .models import Attribution

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one request to attribute."""

    status: HTTPStatus
    message: str

    @property
    def success(self) -> bool:
        """Whether the attribution is in the database."""
        return self.status == HTTPStatus.CREATED


def attribute(form: AttributionForm, user: Any) -> Outcome:
    """Create the attribution; whatever the database says against it becomes an Outcome, never a traceback."""
    try:
        return _attribute(form, user)
    except Error as error:
        return _database_failed(error, form.course_code(), user)


def _attribute(form: AttributionForm, user: Any) -> Outcome:
    if not form.is_valid():
        return Outcome(status=HTTPStatus.BAD_REQUEST, message=form.faults())
    form.instance.created_by = user
    try:
        with transaction.atomic():
            attribution = form.save()
    except IntegrityError as error:
        if not _is_taken(error):
            raise
        return Outcome(status=HTTPStatus.CONFLICT, message=_taken_message(form.instance))
    return Outcome(
        status=HTTPStatus.CREATED,
        message=_("%(course)s %(component)s is attributed to %(teacher)s for %(year)s.")
        % {
            "course": attribution.course.code,
            "component": attribution.component,
            "teacher": attribution.teacher,
            "year": attribution.academic_year,
        },
    )


def _is_taken(error: IntegrityError) -> bool:
    """Tell the constraint "one holder per part and year" from any other; each database names it in its own way."""
    diagnostic = getattr(error.__cause__, "diag", None)
    if diagnostic is not None:
        return diagnostic.constraint_name == "attributions_one_holder_per_part"
    return str(error).startswith(f"UNIQUE constraint failed: {Attribution._meta.db_table}.course_id,")


def _taken_message(wanted: Attribution) -> str:
    holder = (
        Attribution.objects.select_related("teacher")
        .filter(course=wanted.course, component=wanted.component, academic_year=wanted.academic_year)
        .first()
    )
    if holder is None:
        return _("This part was being attributed by somebody else at the same moment: please try again.")
    return _("%(course)s %(component)s is already attributed to %(teacher)s for %(year)s.") % {
        "course": wanted.course.code,
        "component": wanted.component,
        "teacher": holder.teacher,
        "year": wanted.academic_year,
    }


def _database_failed(error: Error, course: str, user: Any) -> Outcome:
    """Log the whole error under a reference; its first line goes to staff, the reference to everybody else."""
    reference = new_reference()
    logger.error("Reference %s: attribution of course %r failed", reference, course, exc_info=error)
    lines = str(error).splitlines() or [type(error).__name__]
    told = (
        lines[0]
        if user.is_staff
        else _("please give the reference %(reference)s to an administrator") % {"reference": reference}
    )
    return Outcome(
        status=HTTPStatus.BAD_REQUEST,
        message=_("Error while creating the attribution for course %(course)s: %(error)s")
        % {"course": course, "error": told},
    )
