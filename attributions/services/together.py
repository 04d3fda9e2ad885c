"""Undo what was made together, by its token: a whole carry-over, or both shares of a replacement.

The token is in the reason of each record of the history.
"""

import secrets
from http import HTTPStatus
from typing import Any

from django.db import Error, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from attribution_project.figures import count_text
from attribution_project.histories import delete_with_history
from courses.academic_year import ClosedYearError, require_open

from ..models import Attribution
from .assign import incident_of
from .changes import UNDO_WITHIN, part_name
from .results import Outcome, failed, refused


def new_token() -> str:
    """Return a token that nothing else has."""
    return secrets.token_hex(8)


def reason_of(token: str) -> str:
    """Return the reason that each record of the history gets."""
    return f"together {token}"


def undo(token: str, user: Any) -> Outcome:
    """Restore everything as it was, or nothing if a share was changed since or it is too long ago."""
    recent = Attribution.history.filter(history_date__gte=timezone.now() - UNDO_WITHIN)
    done = list(
        recent.filter(history_change_reason=reason_of(token)).exclude(history_type="-").select_related("course")
    )
    if not done or not (user.is_superuser or done[0].history_user_id == user.pk):
        return refused(_("This can no longer be undone, or not by you."), HTTPStatus.CONFLICT)
    try:
        with transaction.atomic():
            require_open(done[0].academic_year_id, lock=True)
            if changed := _changed_since(done):
                told = _("Changed since, so that nothing was undone: %(names)s.")
                return refused(told % {"names": ", ".join(map(part_name, changed))}, HTTPStatus.CONFLICT)
            _restore(done, user, token)
    except ClosedYearError as error:
        return refused(str(error), HTTPStatus.CONFLICT)
    except Error as error:
        return failed(incident_of(error, user, _("It could not be undone: the database refused it.")))
    message = ngettext("%(n)s share is as it was before.", "%(n)s shares are as they were before.", len(done))
    return Outcome(status=HTTPStatus.OK, message=message % {"n": count_text(len(done))})


def _changed_since(done: list[Any]) -> list[Any]:
    """Lock the shares, and return the records that are no longer the latest of theirs."""
    keys = [record.id for record in done]
    list(Attribution.objects.select_for_update().filter(pk__in=keys).order_by("pk").values_list("pk"))
    latest: dict[int, int] = {}
    for share, record in Attribution.history.filter(id__in=keys).order_by("history_id").values_list("id", "history_id"):
        latest[share] = record
    return [record for record in done if latest[record.id] != record.history_id]


def _restore(done: list[Any], user: Any, token: str) -> None:
    """Remove what was made, then restore what was changed: its hours are free by then."""
    made = [record.id for record in done if record.history_type == "+"]
    delete_with_history(Attribution, list(Attribution.objects.filter(pk__in=made)), user, reason_of(token))
    for record in done:
        if record.history_type == "~":
            record.prev_record.instance.save()
