"""Copy shares of the year before, to be reviewed and accepted all at once.

A share is suggested if hours of its part are left in the new year, and its teacher has none of them in the same group.
The copy has the same teacher, role and group, and its dates a year later. It has as many hours as before, in proportion
where the course became longer or shorter, and not more than are left.
"""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from django.db import Error, transaction
from django.db.models import Case, Count, Exists, F, OuterRef, QuerySet, Sum, Value, When, Window
from django.db.models.functions import Least, Round
from django.db.models.lookups import Exact, GreaterThan
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from simple_history.utils import bulk_create_with_history

from attribution_project.figures import count_text, hours_text
from courses import academic_year
from courses.hours import HoursField

from ..models import Attribution, Teacher
from ..part_hours import HALF_A_CENT, left_of_part, to_give_of_part
from ..workload import hours_of_teacher, sum_of_hours
from .assign import incident_of, is_same_share
from .limits import lock
from .results import Outcome, failed, refused, too_much
from .together import new_token, reason_of


def suggestions(year: str, department: str = "") -> QuerySet[Attribution]:
    """Return the shares of the year before that can be copied, each with ``hours_now`` and what is ``left``."""
    same = Attribution.objects.filter(
        course=OuterRef("course"),
        component=OuterRef("component"),
        academic_year__label=year,
        teacher=OuterRef("teacher"),
        group=OuterRef("group"),
    )
    found = Attribution.objects.filter(~Exists(same), academic_year__label=academic_year.previous_year(year))
    if department:
        found = found.filter(course__department=department)
    found = found.filter(course__active=True, teacher__active=True, course__years__academic_year__label=year)
    found = found.annotate(left=left_of_part(year)).filter(left__gte=HALF_A_CENT)
    return found.annotate(hours_now=Least(_in_proportion(), F("left"), output_field=HoursField())).order_by(
        "course__code", "component", "pk"
    )


def _in_proportion() -> Case:
    """Return the hours of a share, changed as those of its part were from its year to the new one."""
    before, now = to_give_of_part("course_year__"), to_give_of_part("course__years__")
    return Case(
        When(Exact(before, now), then=F("hours")),
        When(GreaterThan(before, Value(Decimal(0))), then=Round(F("hours") * now / before, 2)),
        default=F("hours"),
        output_field=HoursField(),
    )


def with_totals(found: QuerySet[Attribution], without: Collection[int]) -> QuerySet[Any]:
    """Add to each suggestion how many there are, and the hours ``proposed`` to its teacher but those left out.

    The database finds all suggestions for a page of them. To ask it once more for a number would cost as much again.
    """
    counted = Case(When(pk__in=without, then=Value(Decimal(0))), default=F("hours_now"), output_field=HoursField())
    proposed = Window(Sum(counted, output_field=HoursField()), partition_by=[F("teacher")])
    return found.annotate(all=Window(Count("pk")), proposed=proposed)


def hours_over_maximum(year: str, proposed: Mapping[int, Decimal]) -> dict[int, Decimal]:
    """Return the hours of each teacher who would exceed the maximum with what is proposed, by primary key."""
    people = Teacher.objects.filter(pk__in=proposed).annotate(hours=hours_of_teacher(year)).order_by()
    found = people.values_list("pk", "hours", "max_hours")
    return {key: hours + proposed[key] for key, hours, most in found if hours + proposed[key] > most}


def accept(
    year: str, department: str, without: Collection[int], expected: int, user: Any, *, confirmed: bool
) -> Outcome:
    """Create all suggestions except ``without``, in one transaction.

    ``expected`` is the number that the page suggested, with those in ``without``. If it has changed, nothing is made.
    """
    token = new_token()
    try:
        with transaction.atomic():
            everything = suggestions(year, department)
            wanted = everything.exclude(pk__in=without)
            academic_year.require_open(year, lock=True)
            # Two people who accept at once must not both fill the same hours.
            keys = list(wanted.order_by().values_list("teacher", "course"))
            lock({course for _teacher, course in keys}, year, {teacher for teacher, _course in keys})
            if everything.count() != expected:
                return refused(_("The list has changed since: please review it again."), HTTPStatus.CONFLICT)
            if not confirmed and (over := hours_over_maximum(year, proposed_hours(wanted))):
                return too_much(_over_message(over), confirmable=True)
            olds: list[Any] = list(wanted.select_related("course", "teacher"))
            if crowded := _parts_with_too_much(olds):
                return too_much(crowded, confirmable=False)
            copies = [_copy(old, year, user) for old in olds]
            bulk_create_with_history(
                copies, Attribution, batch_size=500, default_user=user, default_change_reason=reason_of(token)
            )
    except academic_year.ClosedYearError as error:
        return refused(str(error), HTTPStatus.CONFLICT)
    except Error as error:
        if is_same_share(error):
            return refused(
                _("A part was attributed by somebody else meanwhile: nothing was made."), HTTPStatus.CONFLICT
            )
        sentence = _("The proposals for %(year)s could not be accepted: the database refused them. None is stored.")
        return failed(incident_of(error, user, sentence % {"year": year}))
    made = len(copies)
    message = ngettext("%(n)s share is attributed for %(year)s.", "%(n)s shares are attributed for %(year)s.", made)
    return Outcome(status=HTTPStatus.CREATED, message=message % {"n": count_text(made), "year": year}, undo=token)


def proposed_hours(wanted: QuerySet[Attribution]) -> dict[int, Decimal]:
    """Return the hours that are proposed to each teacher."""
    return dict(wanted.order_by().values_list("teacher").annotate(total=sum_of_hours("hours_now")))


def _over_message(over: dict[int, Decimal]) -> str:
    names = [
        f"{teacher} ({teacher.matricule}, {hours_text(over[teacher.pk])} h / {hours_text(teacher.max_hours)} h)"
        for teacher in Teacher.objects.filter(pk__in=over)
    ]
    return _("More than their maximum would teach: %(names)s.") % {"names": ", ".join(names)}


def _parts_with_too_much(olds: Iterable[Any]) -> str:
    """Return a message that names each part whose proposed shares are more than its hours left, or ""."""
    asked: dict[str, Decimal] = defaultdict(Decimal)
    left: dict[str, Decimal] = {}
    for old in olds:
        part = f"{old.course.full_code} {old.component}"
        asked[part] += old.hours_now
        left[part] = old.left
    over = [
        f"{part} ({hours_text(hours)} h / {hours_text(left[part])} h)"
        for part, hours in asked.items()
        if hours - left[part] >= HALF_A_CENT
    ]
    told = _("More hours are proposed than are left, so that some have to be left out: %(names)s.")
    return told % {"names": ", ".join(over)} if over else ""


def _copy(old: Any, year: str, user: Any) -> Attribution:
    return Attribution(
        teacher=old.teacher,
        course=old.course,
        component=old.component,
        academic_year_id=year,
        load=old.load,
        hours=old.hours_now,
        role=old.role,
        group=old.group,
        starts_on=_year_later(old.starts_on),
        ends_on=_year_later(old.ends_on),
        created_by=user,
    )


def _year_later(day: datetime.date | None) -> datetime.date | None:
    """Return the same day of the next year: for 29 February the day before."""
    if day is None:
        return None
    return day.replace(year=day.year + 1, day=28 if (day.month, day.day) == (2, 29) else day.day)
