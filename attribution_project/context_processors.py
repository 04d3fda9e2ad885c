"""Add the menu to every page."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

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
    links = [(reverse(name), label) for name, label, permission in _MENU if user.has_perm(permission)]
    if not links:
        links = [(reverse("teachers:own"), _("My teaching"))]
    # The address of a page below another one begins with that one's.
    here = max((address for address, _label in links if request.path.startswith(address)), key=len, default="")
    return {"menu": [{"address": a, "label": label, "current": a == here} for a, label in links]}
