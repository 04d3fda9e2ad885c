"""The answers to what went wrong: a page, or JSON to a program. They ask neither the database nor the session.

What failed may be the database; a failure of the application's own gets a short reference, which the log carries beside
the whole story.
"""

import logging
import re
import sys
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.debug import SafeExceptionReporterFilter

from .. import failures
from ..permissions import SAFE_METHODS, refusal, wants_json

logger = logging.getLogger(__name__)


class DiscreetReporterFilter(SafeExceptionReporterFilter):
    """Django's filter of secrets on debug pages, which does not know that a database URL holds a password."""

    hidden_settings = re.compile(SafeExceptionReporterFilter.hidden_settings.pattern + "|DATABASE_URL", re.IGNORECASE)


def error_response(
    request: HttpRequest, status: HTTPStatus, title: str, reasons: Sequence[str], *, retry_after: int = 0
) -> HttpResponse:
    """Say it in the form that was asked for; the page is made without the request, which would ask who is logged in."""
    response: HttpResponse
    if wants_json(request):
        response = refusal(" ".join((f"{title}.", *reasons)), status)
    else:
        page = render_to_string("error.html", {"title": title, "reasons": reasons})
        response = HttpResponse(page, status=status)
    response.headers["Cache-Control"] = "no-store"
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 where the database is away, else 500, with a reference (Django logs the traceback)."""
    reference = failures.new_reference()
    asked = (request.method, request.path, request.META.get("REMOTE_ADDR"))
    logger.error("Reference %s: %s %s from %s failed", reference, *asked, exc_info=True)
    if failures.caused_by_unavailable(sys.exc_info()[1]):
        return unavailable(request)
    reasons = [_("Please give the reference %(reference)s to an administrator.") % {"reference": reference}]
    return error_response(request, HTTPStatus.INTERNAL_SERVER_ERROR, _("The page could not be made"), reasons)


def unavailable(request: HttpRequest, reasons: Sequence[str] = ()) -> HttpResponse:
    """Answer 503, with what became of the request where that is known."""
    if not reasons:
        reasons = [_("The database does not answer, or takes no changes at the moment. Please try again in a minute.")]
        if request.method not in SAFE_METHODS:
            reasons.append(_("If you were saving something, look whether it is there before you send it again."))
    title = _("The application is not available at the moment")
    return error_response(
        request, HTTPStatus.SERVICE_UNAVAILABLE, title, reasons, retry_after=failures.RETRY_AFTER_SECONDS
    )


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 400; 413 to a form that is too large, 503 where the session could not be stored."""
    if failures.caused_by_unavailable(exception):
        return unavailable(request)
    if isinstance(exception, RequestDataTooBig):
        return too_large(request)
    reasons = [_("The address or what was sent with it cannot be read.")]
    return error_response(request, HTTPStatus.BAD_REQUEST, _("This request is not understood"), reasons)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403 in the page's own design."""
    reasons = [_("Your role does not allow it. An administrator can give you another one.")]
    return error_response(request, HTTPStatus.FORBIDDEN, _("You may not open this page"), reasons)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form without its token (Django logs the reason)."""
    if wants_json(request):
        return refusal(_("The CSRF token is missing or wrong."), HTTPStatus.FORBIDDEN)
    reasons = [_("Reload the page and send it again; the browser must accept cookies.")]
    return error_response(request, HTTPStatus.FORBIDDEN, _("This form has expired"), reasons)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404."""
    reasons = [_("The address may be mistyped, or what was there has been removed.")]
    return error_response(request, HTTPStatus.NOT_FOUND, _("This page does not exist"), reasons)


def too_large(request: HttpRequest, *reasons: Any) -> HttpResponse:
    """Answer 413."""
    return error_response(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _("Too much was sent at once"), reasons)
