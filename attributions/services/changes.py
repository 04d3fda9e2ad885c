"""Change, remove and restore attributions. Each change is in the history and can be undone.

Undo restores the state before the latest change. Its author or an administrator can do that within UNDO_WITHIN.
"""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.db import Error, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from attribution_project.versions import version_of
from courses.academic_year import ClosedYearError, require_open

from ..models import Attribution
from .assign import incident_of, is_same_share, same_share_message
from .limits import group_fault, grows, lock_and_refuse
from .results import Outcome, conflict, failed, refused, too_much

UNDO_WITHIN = timedelta(minutes=30)


def save(changed: Attribution, user: Any, version: str, *, confirmed: bool) -> Outcome:
    """Store an attribution after a form changed its hours, load, remarks or teacher.

    ``version`` is that of the values that the form showed: if others are stored by now, nothing is.
    """
    try:
        with transaction.atomic():
            require_open(changed.academic_year_id, lock=True)
            stored = lock_share(changed)
            if conflicting := refuse_other_version(stored, changed, version):
                return conflicting
            if stored and changed.group != stored.group and (fault := group_fault(changed, changed.course_year)):
                return refused(fault)
            if stored and grows(changed, stored) and (refusal := lock_and_refuse(changed, confirmed=confirmed)):
                return too_much(refusal.message, confirmable=refusal.confirmable)
            changed.save()
    except ClosedYearError as error:
        return refused(str(error), HTTPStatus.CONFLICT)
    except Error as error:
        if is_same_share(error):
            return refused(same_share_message(changed), HTTPStatus.CONFLICT)
        sentence = _("%(part)s could not be changed: the database refused it.")
        return failed(incident_of(error, user, sentence % {"part": part_name(changed)}))
    return Outcome(status=HTTPStatus.OK, message=_("%(part)s is changed.") % {"part": part_name(changed)})


def remove(attribution: Attribution, user: Any, version: str) -> Outcome:
    """Delete the attribution: the part is free again. ``version`` as for ``save``."""
    name = _("%(part)s is removed from %(teacher)s.") % {"part": part_name(attribution), "teacher": attribution.teacher}
    try:
        with transaction.atomic():
            require_open(attribution.academic_year_id, lock=True)
            if conflicting := refuse_other_version(lock_share(attribution), attribution, version):
                return conflicting
            attribution.delete()
    except ClosedYearError as error:
        return refused(str(error), HTTPStatus.CONFLICT)
    except Error as error:
        sentence = _("%(part)s could not be removed: the database refused it.")
        return failed(incident_of(error, user, sentence % {"part": part_name(attribution)}))
    return Outcome(status=HTTPStatus.OK, message=name)


def lock_share(attribution: Attribution) -> Attribution | None:
    """Lock the stored attribution, and return it as it is now, or None if it was removed."""
    return Attribution.objects.select_for_update().filter(pk=attribution.pk).first()


def refuse_other_version(stored: Attribution | None, attribution: Attribution, version: str) -> Outcome | None:
    """Return the refusal if what is stored is not what was shown."""
    if stored is None:
        return conflict(removed_message(attribution))
    return None if version_of(stored) == version else conflict(_changed_message(attribution))


def _changed_message(attribution: Attribution) -> str:
    told = _("%(part)s was changed by %(user)s since this page was opened: nothing is stored.")
    return told % {"part": part_name(attribution), "user": _author(attribution.pk)}


def removed_message(part: Any) -> str:
    """Return a message that names who removed an attribution, of it or of its history."""
    key = part.pk if isinstance(part, Attribution) else part.id
    told = _("%(part)s was removed by %(user)s meanwhile: nothing is stored.")
    return told % {"part": part_name(part), "user": _author(key)}


def _author(pk: int) -> str:
    record = latest_change(pk)
    return str(record.history_user) if record is not None and record.history_user else _("somebody else")


def part_name(attribution: Any) -> str:
    """Return a name such as AGV211 CM 2026-2027."""
    return f"{attribution.course.full_code} {attribution.component} {attribution.academic_year_id}"


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
            require_open(record.academic_year_id, lock=True)
            newest = Attribution.history.filter(id=record.id).order_by("-history_id").first()
            if newest is None or newest.history_id != record.history_id:
                return refused(_("Something was changed since: nothing was undone."), HTTPStatus.CONFLICT)
            return _restore(record)
    except ClosedYearError as error:
        return refused(str(error), HTTPStatus.CONFLICT)
    except Error as error:
        if is_same_share(error):
            return refused(same_share_message(record.instance), HTTPStatus.CONFLICT)
        sentence = _("The latest change of %(part)s could not be undone: the database refused it.")
        return failed(incident_of(error, user, sentence % {"part": part_name(record)}))


def undo_creation(pk: int, user: Any) -> Outcome:
    """Undo the creation of an attribution that was not changed since."""
    record = latest_change(pk)
    if record is None or record.history_type != "+":
        return refused(_("Something was changed since: nothing was undone."), HTTPStatus.CONFLICT)
    return undo(record, user)


def _restore(record: Any) -> Outcome:
    if record.history_type == "+":
        Attribution.objects.get(pk=record.id).delete()
        return _restored(record)
    stored = lock_share(record.instance)
    restored = record.prev_record.instance if stored else record.instance
    # The maximum was confirmed before, for this state is not a new one. The part may be given by now.
    if (stored is None or grows(restored, stored)) and (refusal := lock_and_refuse(restored, confirmed=True)):
        return refused(refusal.message, HTTPStatus.CONFLICT)
    if record.history_type == "~":
        restored.save()
    else:
        restored.save(force_insert=True)
        # A new row is dated today by the field itself.
        Attribution.objects.filter(pk=record.id).update(created_at=record.created_at)
    return _restored(record)


def _restored(record: Any) -> Outcome:
    return Outcome(status=HTTPStatus.OK, message=_("%(part)s was restored.") % {"part": part_name(record)})
