"""Redirect from the first page to the page that fits the user's role."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from ..permissions import open_to_users


@open_to_users
def home(request: HttpRequest) -> HttpResponse:
    """Redirect to the assignment, the dashboard or the teacher's own page, by permission."""
    if request.user.has_perm("attributions.add_attribution"):
        return redirect("attributions:attribute")
    if request.user.has_perm("attributions.view_attribution"):
        return redirect("attributions:dashboard")
    return redirect("teachers:own")
