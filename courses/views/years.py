"""Open, close and choose academic years: a page for administrators."""

from django.contrib import messages
from django.db import IntegrityError
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from attribution_project.figures import count_text
from attribution_project.permissions import requires

from ..academic_year import next_year
from ..models import AcademicYear
from ..opening import ACTIONS, apply_action, open_next_year

_CHANGE = "courses.change_academicyear"


@requires(_CHANGE)
@require_safe
def years(request: HttpRequest) -> HttpResponse:
    """Show the years with what may be done with each."""
    found = list(AcademicYear.objects.annotate(courses=Count("course_years")).order_by("-label"))
    following = next_year(found[0].label) if found else ""
    return render(request, "courses/years.html", {"years": found, "following": following})


@requires(_CHANGE)
@require_POST
def change_year(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    """Close or reopen a year, or make it the current one."""
    if action not in ACTIONS:
        raise Http404
    messages.success(request, apply_action(get_object_or_404(AcademicYear, pk=pk), action))
    return redirect("years:list")


@requires("courses.add_academicyear")
@require_POST
def open_next(request: HttpRequest) -> HttpResponse:
    """Open the year that the page offered, with the courses of the year before."""
    try:
        newest = AcademicYear.objects.order_by("-label").values_list("label", flat=True).first()
        if newest is None or request.POST.get("year") != next_year(newest):
            # Somebody has opened it since the page was shown: no second one by a second click.
            messages.error(request, _("The list of years has changed since: nothing was opened."))
            return redirect("years:list")
        label, count = open_next_year()
    except IntegrityError:
        messages.error(request, _("The list of years has changed since: nothing was opened."))
        return redirect("years:list")
    told = ngettext("%(year)s is open, with %(n)s course.", "%(year)s is open, with %(n)s courses.", count)
    messages.success(request, told % {"year": label, "n": count_text(count)})
    return redirect("years:list")
