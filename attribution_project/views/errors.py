"""Error pages, as HTML or JSON. They read neither the database nor the session, which may be what failed.

A failure of the application gets a short reference. The log has the traceback under it.
"""

import logging
import re
import sys
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.debug import SafeExceptionReporterFilter

from .. import failures
from ..kept_form import is_kept, keep, page_of_form, sent_from_own_page
from ..permissions import SAFE_METHODS, refusal, wants_json

logger = logging.getLogger(__name__)


class DiscreetReporterFilter(SafeExceptionReporterFilter):
    """Django's filter of secrets on debug pages, extended by DATABASE_URL, which may hold a password."""

    hidden_settings = re.compile(SafeExceptionReporterFilter.hidden_settings.pattern + "|DATABASE_URL", re.IGNORECASE)


def error_response(
    request: HttpRequest,
    status: HTTPStatus,
    title: str,
    reasons: Sequence[str],
    *,
    retry_after: int = 0,
    back: str = "",
) -> HttpResponse:
    """Return the error as JSON or HTML, with a link back to the form that was sent.

    The page is rendered without the request, because its context would read the session."""
    response: HttpResponse
    if wants_json(request):
        response = refusal(" ".join((f"{title}.", *reasons)), status)
    else:
        page = render_to_string("error.html", {"title": title, "reasons": reasons, "back": back})
        response = HttpResponse(page, status=status)
    vars(response)["of_the_application"] = True
    response.headers["Cache-Control"] = "no-store"
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 if the database is away, else 500 with a reference, and with the database's own line for staff."""
    error = sys.exc_info()[1]
    reference = failures.new_reference()
    asked = (request.method, request.path, request.META.get("REMOTE_ADDR"))
    logger.error("Reference %s: %s %s from %s failed", reference, *asked, exc_info=True)
    if failures.caused_by_unavailable(error):
        return unavailable(request)
    if isinstance(error, Error) and _is_known_staff(request) and not wants_json(request):
        return _incident_response(error, _("This page could not be made: the database refused it."), reference)
    reasons = [_("Please give the reference %(reference)s to an administrator.") % {"reference": reference}]
    return error_response(request, HTTPStatus.INTERNAL_SERVER_ERROR, _("The page could not be made"), reasons)


def _is_known_staff(request: HttpRequest) -> bool:
    """Return whether the user is staff, if that was read before something failed."""
    return getattr(vars(request).get("_cached_user"), "is_staff", False)


def incident_page(request: HttpRequest, error: Error, sentence: str) -> HttpResponse:
    """Answer 500 for what the database refused, with its own line: for staff. If it is away, raise the error again."""
    if failures.unavailable(error):
        raise error
    reference = failures.new_reference()
    logger.error("Reference %s: %s", reference, sentence, exc_info=error)
    return _incident_response(error, sentence, reference)


def _incident_response(error: Error, sentence: str, reference: str) -> HttpResponse:
    detail = (str(error).splitlines() or [type(error).__name__])[0]
    incident = {"sentence": sentence, "detail": detail, "reference": reference}
    context = {"title": _("The database refused this"), "incident": incident}
    response = HttpResponse(render_to_string("error.html", context), status=HTTPStatus.INTERNAL_SERVER_ERROR)
    vars(response)["of_the_application"] = True
    response.headers["Cache-Control"] = "no-store"
    return response


def unavailable(request: HttpRequest, reasons: Sequence[str] = ()) -> HttpResponse:
    """Answer 503 with the reasons, or with general advice."""
    if not reasons:
        reasons = [_("The database does not answer, or takes no changes at the moment. Please try again in a minute.")]
        if request.method not in SAFE_METHODS:
            reasons.append(_("If you were saving something, look whether it is there before you send it again."))
    title = _("The application is not available at the moment")
    kept = is_kept(request) and sent_from_own_page(request) and not wants_json(request)
    response = error_response(
        request,
        HTTPStatus.SERVICE_UNAVAILABLE,
        title,
        reasons,
        retry_after=failures.RETRY_AFTER_SECONDS,
        back=page_of_form(request) if kept else "",
    )
    if kept:
        keep(request, response, may_be_stored=True)
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 400, or 413 to a form that is too large, or 503 if the session could not be stored."""
    if failures.caused_by_unavailable(exception):
        return unavailable(request)
    if isinstance(exception, RequestDataTooBig):
        return too_large(request)
    reasons = [_("The address or what was sent with it cannot be read.")]
    return error_response(request, HTTPStatus.BAD_REQUEST, _("This request is not understood"), reasons)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403."""
    reasons = [_("Your role does not allow it. An administrator can give you another one.")]
    return error_response(request, HTTPStatus.FORBIDDEN, _("You may not open this page"), reasons)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form without its token (Django logs the reason)."""
    if wants_json(request):
        return refusal(_("The CSRF token is missing or wrong."), HTTPStatus.FORBIDDEN)
    title = _("This form has expired")
    if not (is_kept(request) and sent_from_own_page(request)):
        reasons = [_("Reload the page and send it again; the browser must accept cookies.")]
        return error_response(request, HTTPStatus.FORBIDDEN, title, reasons)
    # As after a login in another window.
    reasons = [_("Nothing was stored. What you typed is kept: go back to the form, and send it again.")]
    response = error_response(request, HTTPStatus.FORBIDDEN, title, reasons, back=page_of_form(request))
    keep(request, response)
    return response


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404."""
    reasons = [_("The address may be mistyped, or what was there has been removed.")]
    return error_response(request, HTTPStatus.NOT_FOUND, _("This page does not exist"), reasons)


def too_large(request: HttpRequest, *reasons: Any) -> HttpResponse:
    """Answer 413."""
    return error_response(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _("Too much was sent at once"), reasons)
