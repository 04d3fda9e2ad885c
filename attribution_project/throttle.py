"""Passwords are not guessed for ever: axes locks a name for an address, and an address that tries many has to wait.

Nobody is locked out everywhere: whoever guesses at a user's password locks it for the own address alone.
"""

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.models import AccessAttempt
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from .client import address_for_throttle
from .views.errors import error_response

#: So many wrong passwords from one address, for whatever names, within this time; many people may have one address.
MAX_FAILURES = 30
FAILURE_WINDOW = timedelta(minutes=15)


class Throttle(AxesStandaloneBackend):
    """Authentication backend, to stand first: nobody's password is looked at while the address has to wait."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **more: Any
    ) -> None:
        """Refuse the address, or leave it to axes to refuse the name at this address."""
        if request is not None and _failures(address_for_throttle(request)) >= MAX_FAILURES:
            vars(request).update(address_has_to_wait=True, axes_locked_out=True)  # for locked(), and for axes
            raise PermissionDenied
        super().authenticate(request, username, password, **more)


def username_for_axes(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str | None:
    """Return the name for axes to count, of any length that somebody typed: PostgreSQL refuses more than its column."""
    name = (credentials or request.POST).get("username")
    longest = AccessAttempt._meta.get_field("username").max_length
    return name[:longest] if isinstance(name, str) else None


def _failures(address: str | None) -> int:
    recent = AccessAttempt.objects.filter(ip_address=address, attempt_time__gte=timezone.now() - FAILURE_WINDOW)
    return recent.aggregate(n=Sum("failures_since_start"))["n"] or 0


def locked_response(
    request: HttpRequest, response: HttpResponse | None = None, credentials: Any = None
) -> HttpResponse:
    """Answer 429, and say how long that lasts."""
    if hasattr(request, "address_has_to_wait"):
        sentence = _("Passwords were wrong too often from here. Please try again in a quarter of an hour.")
        wait = FAILURE_WINDOW
    else:
        sentence = _("The password was wrong too often. Please try again in an hour, or ask an administrator.")
        wait = settings.AXES_COOLOFF_TIME
    seconds = int(wait.total_seconds())
    return error_response(
        request, HTTPStatus.TOO_MANY_REQUESTS, _("Too many attempts"), [sentence], retry_after=seconds
    )
