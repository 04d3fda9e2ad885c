"""Add the menu to every page."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from courses.academic_year import current_year

#: URL name, label, permission.
_MENU = (
    ("attributions:dashboard", _("Dashboard"), "attributions.view_attribution"),
    ("attributions:attribute", _("Attribute"), "attributions.add_attribution"),
    ("attributions:list", _("Attributions"), "attributions.view_attribution"),
    ("courses:list", _("Courses"), "courses.view_course"),
    ("teachers:list", _("Teachers"), "attributions.view_teacher"),
)


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Return the menu of this user with the current page marked."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    links = [(name, label) for name, label, permission in _MENU if user.has_perm(permission)]
    if not links:
        links = [("teachers:own", _("My teaching"))]
    here = _entry_of(request, [name for name, _label in links])
    return {"menu": [{"address": _address(name), "label": label, "current": name == here} for name, label in links]}


def _address(name: str) -> str:
    """Return the address of an entry. The list of attributions opens on the current year."""
    query = f"?{urlencode({'year': current_year()})}" if name == "attributions:list" else ""
    return reverse(name) + query


def _entry_of(request: HttpRequest, names: list[str]) -> str:
    """Return the entry of the page itself, or of the list that it belongs to, or ""."""
    match = getattr(request, "resolver_match", None)
    if match is None:
        return ""
    return match.view_name if match.view_name in names else f"{match.namespace}:list"
