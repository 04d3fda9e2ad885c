"""Replace a teacher in mid-year: end a share on a date with the hours done, and open another with the rest."""

import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from django.db import Error, transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from attribution_project.figures import hours_text
from courses.academic_year import ClosedYearError, require_open

from ..models import Attribution, ShareRole, Teacher
from .assign import incident_of, is_same_share, same_share_message
from .changes import lock_share, part_name, refuse_other_version
from .limits import lock, refuse_load
from .results import Outcome, failed, refused, too_much
from .together import new_token, reason_of


def replace(
    share: Attribution,
    substitute: Teacher,
    first_day: datetime.date,
    hours_done: Decimal,
    user: Any,
    version: str,
    *,
    confirmed: bool,
) -> Outcome:
    """End a share on the day before, and give what is left of its hours to somebody else.

    Args:
        share: what the teacher has so far.
        substitute: who goes on.
        first_day: of the substitute.
        hours_done: by the teacher until then.
        user: who replaces.
        version: of the share that the form showed: if another one is stored by now, nothing is.
        confirmed: whether the substitute's maximum may be exceeded.
    """
    if fault := _fault(share, substitute, first_day, hours_done):
        return refused(fault)
    rest = _rest_of(share, substitute, first_day, hours_done, user)
    token = new_token()
    try:
        with transaction.atomic():
            require_open(share.academic_year_id, lock=True)
            stored = lock_share(share)
            if conflicting := refuse_other_version(stored, share, version):
                return conflicting
            people = lock([share.course_id], share.academic_year_id, [share.teacher_id, substitute.pk])
            rest.teacher = people[substitute.pk]
            if not confirmed and (refusal := refuse_load(rest)):
                return too_much(refusal.message, confirmable=refusal.confirmable)
            share.ends_on, share.hours = first_day - datetime.timedelta(days=1), hours_done
            for one in (share, rest):
                vars(one)["_change_reason"] = reason_of(token)
                one.save()
    except ClosedYearError as error:
        return refused(str(error), HTTPStatus.CONFLICT)
    except Error as error:
        if is_same_share(error):
            return refused(same_share_message(rest), HTTPStatus.CONFLICT)
        sentence = _("%(part)s could not be changed: the database refused it.")
        return failed(incident_of(error, user, sentence % {"part": part_name(share)}))
    return Outcome(status=HTTPStatus.OK, message=_done_message(share, rest), undo=token)


def _fault(share: Attribution, substitute: Teacher, first_day: datetime.date, hours_done: Decimal) -> str:
    """Return what is wrong with what was asked, or ""."""
    if substitute.pk == share.teacher_id:
        return _("%(teacher)s has this share already.") % {"teacher": substitute}
    if not 0 < hours_done < share.hours:
        told = _("The hours done are more than 0 and less than %(hours)s h. To give all of them, move the share.")
        return told % {"hours": hours_text(share.hours)}
    begun = share.starts_on is None or share.starts_on < first_day
    if not begun or (share.ends_on is not None and share.ends_on < first_day):
        return _("The substitute begins after the share starts, and before it ends.")
    return ""


def _rest_of(
    share: Attribution, substitute: Teacher, first_day: datetime.date, hours_done: Decimal, user: Any
) -> Attribution:
    return Attribution(
        teacher=substitute,
        course=share.course,
        component=share.component,
        academic_year_id=share.academic_year_id,
        load=share.load,
        hours=share.hours - hours_done,
        role=ShareRole.SUBSTITUTE,
        group=share.group,
        starts_on=first_day,
        ends_on=share.ends_on,
        created_by=user,
    )


def _done_message(share: Attribution, rest: Attribution) -> str:
    told = _("%(part)s: %(old)s keeps %(done)s h, %(new)s has %(rest)s h from %(day)s on.")
    return told % {
        "part": part_name(share),
        "old": share.teacher,
        "done": hours_text(share.hours),
        "new": rest.teacher,
        "rest": hours_text(rest.hours),
        "day": date_format(rest.starts_on, "SHORT_DATE_FORMAT") if rest.starts_on else "",
    }
