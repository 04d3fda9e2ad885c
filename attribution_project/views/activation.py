"""Take a row out of the pickers, and offer it again: a teacher or a course."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _


def set_active(
    request: HttpRequest,
    rows: QuerySet[Any],
    pk: int,
    *,
    active: bool,
    withdrawn: str,
    namespace: str,
    name: Callable[[Any], str] = str,
) -> HttpResponse:
    """Set the row's ``active``, and go to its page with a message that can be undone.

    Args:
        request: of the button.
        rows: among which the row is found.
        pk: its primary key.
        active: whether it is offered from now on.
        withdrawn: the message if it is not, with %(name)s.
        namespace: of the URLs "detail", "deactivate" and "reactivate".
        name: returns what a message calls the row.
    """
    with transaction.atomic():
        row = get_object_or_404(rows.select_for_update(no_key=True), pk=pk)
        row.active = active
        row.save()
    told = _("%(name)s is offered again.") if active else withdrawn
    back = reverse(f"{namespace}:{'deactivate' if active else 'reactivate'}", args=[pk])
    messages.success(request, told % {"name": name(row)}, extra_tags=back)
    return redirect(f"{namespace}:detail", pk=pk)
