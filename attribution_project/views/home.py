"""The first page: whatever a user's role makes of it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from ..permissions import open_to_users


@open_to_users
def home(request: HttpRequest) -> HttpResponse:
    """Lead those who attribute to that, those who may look to the dashboard, teachers to their own page."""
    if request.user.has_perm("attributions.add_attribution"):
        return redirect("attributions:attribute")
    if request.user.has_perm("attributions.view_attribution"):
        return redirect("attributions:dashboard")
    return redirect("teachers:own")
