"""Add the menu to every page."""

from collections.abc import Iterable
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
_ACCOUNT_MENU = (
    ("accounts:list", _("Accounts"), "auth.change_user"),
    ("years:list", _("Years"), "courses.change_academicyear"),
    ("office:settings", _("Settings"), "office.change_officesettings"),
)
_STAFF_MENU = (("database", _("Database")), ("admin:index", _("Administration")))
_Links = list[tuple[str, Any]]


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Return the two menus of this user with the current page marked, and its label."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    links = _allowed(_MENU, user) or [("teachers:own", _("My teaching"))]
    account = [*(_STAFF_MENU if user.is_staff else ()), *_allowed(_ACCOUNT_MENU, user)]
    here = _entry_of(request, [name for name, _label in (*links, *account)])
    return {
        "menu": _entries(links, here),
        "account_menu": _entries(account, here),
        "here": dict((*links, *account)).get(here, ""),
    }


def _allowed(menu: Iterable[tuple[str, Any, str]], user: Any) -> _Links:
    return [(name, label) for name, label, permission in menu if user.has_perm(permission)]


def _entries(links: _Links, here: str) -> list[dict[str, Any]]:
    return [{"address": _address(name), "label": label, "current": name == here} for name, label in links]


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
