"""Errors that reach a user as a short reference, which the log carries beside the whole story."""

import logging
import re
import secrets
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.debug import SafeExceptionReporterFilter

from .access import refusal, wants_json

logger = logging.getLogger(__name__)


class DiscreetReporterFilter(SafeExceptionReporterFilter):
    """Django's filter of secrets on debug pages, which does not know that a database URL holds a password."""

    hidden_settings = re.compile(SafeExceptionReporterFilter.hidden_settings.pattern + "|DATABASE_URL", re.IGNORECASE)


def new_reference() -> str:
    """Return eight characters that can be read out on the telephone."""
    return secrets.token_hex(4).upper()


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 with a reference (Django logs the traceback; this line ties the two together)."""
    reference = new_reference()
    logger.error("Reference %s: %s %s failed", reference, request.method, request.path, exc_info=True)
    return render(request, "500.html", {"reference": reference}, status=500)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403 in the page's own design."""
    return render(request, "403.html", status=403)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form without its token: a program in JSON, a browser in words (Django logs the reason)."""
    if wants_json(request):
        return refusal(_("The CSRF token is missing or wrong."), HTTPStatus.FORBIDDEN)
    return render(request, "403_csrf.html", status=HTTPStatus.FORBIDDEN)
