"""Change, remove and restore attributions. Each change is in the history and can be undone.

Undo restores the state before the latest change. Its author or an administrator can do that within UNDO_WITHIN.
"""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.db import Error, IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ..models import Attribution
from .assign import excess_message, is_taken, report_database_error, taken_message
from .results import Outcome, over_maximum, refused

UNDO_WITHIN = timedelta(minutes=30)


def save(changed: Attribution, user: Any, *, confirmed: bool) -> Outcome:
    """Store an attribution after a form changed its hours, load or teacher."""
    try:
        with transaction.atomic():
            if not confirmed and (excess := excess_message(changed)):
                return over_maximum(excess)
            changed.save()
    except Error as error:
        return refused(report_database_error(error, changed.course.code, user))
    return Outcome(status=HTTPStatus.OK, message=_("%(part)s is changed.") % {"part": part_name(changed)})


def remove(attribution: Attribution, user: Any) -> Outcome:
    """Delete the attribution: the part is free again."""
    name = _("%(part)s is removed from %(teacher)s.") % {"part": part_name(attribution), "teacher": attribution.teacher}
    try:
        with transaction.atomic():
            attribution.delete()
    except Error as error:
        return refused(report_database_error(error, attribution.course.code, user))
    return Outcome(status=HTTPStatus.OK, message=name)


def part_name(attribution: Attribution) -> str:
    """Return a name such as AGV211 CM 2026-2027."""
    return f"{attribution.course.code} {attribution.component} {attribution.academic_year}"


def latest_change(pk: int) -> Any:
    """Return the newest history record of an attribution, or None."""
    return Attribution.history.filter(id=pk).select_related("history_user").order_by("-history_id").first()


def may_undo(record: Any, user: Any) -> bool:
    """Return whether this user may undo this change now. ``undo`` checks that it is the latest one."""
    if timezone.now() - record.history_date > UNDO_WITHIN:
        return False
    return bool(user.is_superuser or record.history_user_id == user.pk)


def undo(record: Any, user: Any) -> Outcome:
    """Restore the state before this change."""
    if not may_undo(record, user):
        return refused(_("This can no longer be undone, or not by you."), HTTPStatus.CONFLICT)
    try:
        with transaction.atomic():
            newest = Attribution.history.filter(id=record.id).order_by("-history_id").first()
            if newest is None or newest.history_id != record.history_id:
                return refused(_("Something was changed since: nothing was undone."), HTTPStatus.CONFLICT)
            return _restore(record)
    except IntegrityError as error:
        if not is_taken(error):
            raise
        return refused(taken_message(record.instance), HTTPStatus.CONFLICT)
    except Error as error:
        return refused(report_database_error(error, record.course.code, user))


def undo_creation(pk: int, user: Any) -> Outcome:
    """Undo the creation of an attribution that was not changed since."""
    record = latest_change(pk)
    if record is None or record.history_type != "+":
        return refused(_("Something was changed since: nothing was undone."), HTTPStatus.CONFLICT)
    return undo(record, user)


def _restore(record: Any) -> Outcome:
    if record.history_type == "+":
        Attribution.objects.get(pk=record.id).delete()
    elif record.history_type == "~":
        record.prev_record.instance.save()
    else:
        record.instance.save(force_insert=True)
        # A new row is dated today by the field itself.
        Attribution.objects.filter(pk=record.id).update(created_at=record.created_at)
    return Outcome(status=HTTPStatus.OK, message=_("%(part)s was restored.") % {"part": part_name(record)})
