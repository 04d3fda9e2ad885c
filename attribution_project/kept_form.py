"""Keep what was typed into a form whose session had ended, or while the database was away, until it is shown again.

It is in a signed cookie for an hour: anybody may send such a form, so that nothing of it is written to the database.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

View = Callable[..., HttpResponseBase]
_COOKIE = "kept_form"
_SALT = "attribution_project.kept_form"
_SECONDS = 3600
#: Browsers refuse cookies of more than 4,096 bytes with their names and attributes.
_MAX_LENGTH = 3_800
_LEFT_OUT = ("csrfmiddlewaretoken", "confirm")


def keeps_form(view: View) -> View:
    """Mark a view whose page calls restore()."""
    view.keeps_form = True  # type: ignore[attr-defined]
    return view


def is_kept(request: HttpRequest) -> bool:
    """Return whether the form goes to a view that can show it again."""
    match = request.resolver_match
    return request.method == "POST" and match is not None and hasattr(match.func, "keeps_form")


def sent_from_own_page(request: HttpRequest) -> bool:
    """Return whether the browser says that a form was sent from a page of this application."""
    referer = request.headers.get("Referer", "")
    return request.method == "POST" and url_has_allowed_host_and_scheme(referer, {request.get_host()})


def page_of_form(request: HttpRequest) -> str:
    """Return the address of the page that the form is on, or of the request itself."""
    if sent_from_own_page(request):
        parts = urlsplit(request.headers["Referer"])
        return f"{parts.path}?{parts.query}" if parts.query else parts.path
    return request.get_full_path()


def keep(request: HttpRequest, response: HttpResponse, *, may_be_stored: bool = False) -> None:
    """Put the fields of a form into a cookie, unless they are too long for one.

    ``may_be_stored`` is said of one that was sent to a database whose answer was lost.
    """
    if not is_kept(request) or request.FILES or not request.POST:
        return
    fields = request.POST.copy()
    for name in [name for name in fields if name in _LEFT_OUT or "password" in name]:
        del fields[name]
    token = signing.dumps([request.path, fields.urlencode(), may_be_stored], salt=_SALT, compress=True)
    if len(token) <= _MAX_LENGTH:
        response.set_cookie(
            _COOKIE, token, max_age=_SECONDS, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
        )


def restore(request: HttpRequest) -> QueryDict | None:
    """Return the fields that were kept for this page, once, and tell the user. None where there are none."""
    token = request.COOKIES.get(_COOKIE)
    if token is None or request.method != "GET" or "HX-Request" in request.headers:
        return None
    try:
        path, fields, may_be_stored = signing.loads(token, salt=_SALT, max_age=_SECONDS)
    except (signing.BadSignature, ValueError):  # or of an earlier version
        return None
    if path != request.path:
        return None
    vars(request)["kept_form_restored"] = True
    told = _("Your session had ended, so that nothing was stored. What you typed is still here.")
    if may_be_stored:
        told = _("What you typed is still here. Look whether it is stored already before you send it again.")
    messages.warning(request, told)
    return QueryDict(fields)


def forget(request: HttpRequest, response: HttpResponse) -> None:
    """Remove the cookie of a form that was restored."""
    if hasattr(request, "kept_form_restored"):
        response.delete_cookie(_COOKIE, samesite="Lax")
