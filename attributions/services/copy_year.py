"""Copy attributions of the year before, to be reviewed and accepted all at once.

A part is suggested if somebody held it in the year before, nobody holds it in this one, and the course still has it.
The copy has the same teacher and the course's present hours.
"""

from collections.abc import Collection
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from django.db import Error, IntegrityError, transaction
from django.db.models import Case, DecimalField, Exists, F, OuterRef, QuerySet, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from simple_history.utils import bulk_create_with_history

from .. import academic_year
from ..free_parts import HOURS
from ..models import Attribution, Teacher
from ..workload import sum_of_hours
from .assign import incident_of, is_taken
from .results import Outcome, failed, over_maximum, refused

_HOURS_NOW = Case(
    *(When(component=component, then=F(f"course__{name}")) for component, name in HOURS.items()),
    default=Value(Decimal(0)),
    output_field=DecimalField(max_digits=6, decimal_places=2),
)


def suggestions(year: str, department: str = "") -> QuerySet[Attribution]:
    """Return the attributions of the year before that can be copied, each with ``hours_now``."""
    held = Attribution.objects.filter(course=OuterRef("course"), component=OuterRef("component"), academic_year=year)
    found = Attribution.objects.filter(~Exists(held), academic_year=academic_year.previous_year(year))
    if department:
        found = found.filter(course__department=department)
    return found.annotate(hours_now=_HOURS_NOW).filter(hours_now__gt=0).order_by("course__code", "component", "pk")


def hours_over_maximum(
    year: str, wanted: QuerySet[Attribution], teachers: Collection[int] | None = None
) -> dict[int, Decimal]:
    """Return the hours of each teacher who would exceed the maximum, by primary key."""
    more = wanted if teachers is None else wanted.filter(teacher__in=teachers)
    new = more.order_by().values_list("teacher", "teacher__max_hours").annotate(total=sum_of_hours("hours_now"))
    maxima, hours = {}, {}
    for pk, maximum, total in new:
        maxima[pk], hours[pk] = maximum, total
    now = Attribution.objects.filter(academic_year=year, teacher__in=list(hours)).order_by()
    for pk, total in now.values_list("teacher").annotate(total=sum_of_hours("hours")):
        hours[pk] += total
    return {pk: total for pk, total in hours.items() if total > maxima[pk]}


def accept(
    year: str, department: str, without: Collection[int], expected: int, user: Any, *, confirmed: bool
) -> Outcome:
    """Create all suggestions except ``without``, in one transaction.

    ``expected`` is the number that the page suggested, with those in ``without``. If it has changed, nothing is made.
    """
    try:
        with transaction.atomic():
            everything = suggestions(year, department)
            wanted = everything.exclude(pk__in=without)
            # Lock the teachers, so that two people who accept at once cannot both fill the same hours.
            list(
                Teacher.objects.select_for_update().filter(pk__in=wanted.order_by().values("teacher")).values_list("pk")
            )
            if everything.count() != expected:
                return refused(_("The list has changed since: please review it again."), HTTPStatus.CONFLICT)
            if not confirmed and (over := hours_over_maximum(year, wanted)):
                return over_maximum(_over_message(over))
            made = [_copy(old, year, user) for old in wanted.select_related("course", "teacher")]
            bulk_create_with_history(made, Attribution, batch_size=500, default_user=user)
    except IntegrityError as error:
        if not is_taken(error):
            raise
        return refused(_("A part was attributed by somebody else meanwhile: nothing was made."), HTTPStatus.CONFLICT)
    except Error as error:
        sentence = _("The proposals for %(year)s could not be accepted: the database refused them. None is stored.")
        return failed(incident_of(error, user, sentence % {"year": year}))
    message = ngettext("%(n)d part is attributed for %(year)s.", "%(n)d parts are attributed for %(year)s.", len(made))
    return Outcome(status=HTTPStatus.CREATED, message=message % {"n": len(made), "year": year})


def _over_message(over: dict[int, Decimal]) -> str:
    names = [str(teacher) for teacher in Teacher.objects.filter(pk__in=list(over)[:10])]
    return _("More than their maximum would teach: %(names)s.") % {"names": ", ".join(names)}


def _copy(old: Any, year: str, user: Any) -> Attribution:
    return Attribution(
        teacher=old.teacher,
        course=old.course,
        component=old.component,
        academic_year=year,
        load=old.load,
        hours=old.hours_now,
        created_by=user,
    )
