"""Limit failed logins: axes locks a name at an address, and Throttle makes an address with many failures wait.

Wrong guesses lock a user's name only at the address that they came from.
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

#: Wrong passwords from one address for any name. Many people may share one address.
MAX_FAILURES = 30
FAILURE_WINDOW = timedelta(minutes=15)


class Throttle(AxesStandaloneBackend):
    """Authentication backend that checks no password while the address has to wait. Must be the first one."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **more: Any
    ) -> None:
        """Refuse the address, or let axes refuse the name at this address."""
        if request is not None and _failures(address_for_throttle(request)) >= MAX_FAILURES:
            vars(request).update(address_has_to_wait=True, axes_locked_out=True)  # for locked(), and for axes
            raise PermissionDenied
        super().authenticate(request, username, password, **more)


def username_for_axes(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str | None:
    """Return the name that axes counts, cut to the length of its column."""
    name = (credentials or request.POST).get("username")
    longest = AccessAttempt._meta.get_field("username").max_length
    return name[:longest] if isinstance(name, str) else None


def _failures(address: str | None) -> int:
    recent = AccessAttempt.objects.filter(ip_address=address, attempt_time__gte=timezone.now() - FAILURE_WINDOW)
    return recent.aggregate(n=Sum("failures_since_start"))["n"] or 0


def waiting_addresses() -> list[str]:
    """Return the addresses that have to wait now."""
    recent = AccessAttempt.objects.filter(attempt_time__gte=timezone.now() - FAILURE_WINDOW).order_by()
    failures = recent.values("ip_address").annotate(n=Sum("failures_since_start"))
    return sorted(failures.filter(n__gte=MAX_FAILURES, ip_address__isnull=False).values_list("ip_address", flat=True))


def locked_response(
    request: HttpRequest, response: HttpResponse | None = None, credentials: Any = None
) -> HttpResponse:
    """Answer 429 with the time to wait."""
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
