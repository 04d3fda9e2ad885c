"""Check permissions: roles are groups, each view declares its demand, and a view without one is closed.

Decorators such as ``requires`` store the demand on the view. ``DenyByDefault`` reads it before the view runs.
"""

from collections.abc import Callable
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from .kept_form import forget, keep, page_of_form

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django_stubs_ext import StrOrPromise

View = Callable[..., HttpResponseBase]
#: Takes the user and the method. Returns whether the user may call the view.
Demand = Callable[[Any, str], bool]
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class Role(StrEnum):
    """The groups that a migration makes. A user may be in several."""

    ADMINISTRATOR = "administrateur"
    SECRETARY = "secretariat"
    READER = "lecteur"
    TEACHER = "enseignant"


#: How pages write the groups, whose names the database has in French.
ROLE_NAMES: dict[str, "StrOrPromise"] = {
    Role.ADMINISTRATOR: gettext_lazy("administrator"),
    Role.SECRETARY: gettext_lazy("secretariat"),
    Role.READER: gettext_lazy("reader"),
    Role.TEACHER: gettext_lazy("teacher"),
}


class UserRequest(HttpRequest):
    """A request whose user is logged in, as all views get it that are not open to everybody."""

    user: "User"


def requires(view: str, change: str | None = None) -> Callable[[View], View]:
    """Require the permission ``view``, and ``change`` for any method that changes something."""

    def allowed(user: Any, method: str) -> bool:
        return bool(user.has_perm(view if change is None or method in SAFE_METHODS else change))

    return _demanding(allowed)


def may_import(user: Any, table: str) -> bool:
    """Return whether the user may add and change the rows of a table such as "courses.course"."""
    app, _dot, model = table.partition(".")
    return all(user.has_perm(f"{app}.{action}_{model}") for action in ("add", "change"))


def requires_import(*tables: str) -> Callable[[View], View]:
    """Require that the user may import into one of the tables."""
    return _demanding(lambda user, method: any(may_import(user, table) for table in tables))


def requires_staff(view: View) -> View:
    """Require a user who may use the administration."""
    return _demanding(lambda user, method: user.is_active and user.is_staff)(view)


def open_to_users(view: View) -> View:
    """Require a user who is logged in, and no permission."""
    return _demanding(lambda user, method: True)(view)


def open_to_everybody(view: View) -> View:
    """Require nothing, not even a login."""
    view.demand = None  # type: ignore[attr-defined]
    return view


def _demanding(demand: Demand) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.demand = demand  # type: ignore[attr-defined]
        return view

    return mark


def wants_json(request: HttpRequest) -> bool:
    """Return whether the client is a program. A browser prefers HTML."""
    if request.headers.get("HX-Request") == "true":
        return False
    if request.content_type == "application/json" or request.headers.get("X-Requested-With") == "XMLHttpRequest":
        return True
    return request.get_preferred_type(["application/json", "text/html"]) == "application/json"


class DenyByDefault(MiddlewareMixin):
    """Middleware that runs a view only if the view declares its demand and the user meets it."""

    def process_view(
        self, request: HttpRequest, view: View, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Return None to continue, a redirection to the login, or a refusal."""
        match = request.resolver_match
        if match is not None and "admin" in match.app_names:
            return None  # the administration asks for its own permissions, view by view
        if not hasattr(view, "demand"):
            raise PermissionDenied
        if view.demand is None:
            return None
        if not request.user.is_authenticated:
            return _please_log_in(request)
        if view.demand(request.user, request.method or "GET"):
            return None
        if wants_json(request):
            return refusal(_("You may not do this."), HTTPStatus.FORBIDDEN)
        raise PermissionDenied

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Forget a form that is on the page again."""
        forget(request, response)
        return response


def _please_log_in(request: HttpRequest) -> HttpResponse:
    """Redirect to the login, or answer 401 to a program that posts or asks for JSON."""
    program = request.method == "POST" or "application/json" in request.headers.get("Accept", "")
    if program and wants_json(request):
        return refusal(_("Please log in first."), HTTPStatus.UNAUTHORIZED)
    if htmx := HtmxDetails(request):
        # htmx would show the login in place of a part of the page.
        return HttpResponseClientRedirect(redirect_to_login(htmx.current_url_abs_path or "/").url)
    response = redirect_to_login(page_of_form(request))
    keep(request, response)
    return response


def refusal(message: str, status: HTTPStatus) -> JsonResponse:
    """Return a refusal in the API's JSON."""
    return JsonResponse({"success": False, "message": message, "results": []}, status=status)
