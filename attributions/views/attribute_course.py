"""Attribute hours of one course: choose the part, then the teacher."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from attribution_project.kept_form import keeps_form, restore
from attribution_project.permissions import requires
from attribution_project.views import errors
from courses import academic_year
from courses.models import CourseYear

from ..forms import AttributionForm
from ..part_shares import PartShares, with_parts
from ..services.assign import assign_parts
from ..services.results import Outcome
from ..teacher_picker import find_teachers

#: What is typed, in the order of the page.
_FIELDS = ("hours", "role", "group", "starts_on", "ends_on", "load", "teacher_note", "note")


@keeps_form
@requires("attributions.add_attribution")
@require_http_methods(["GET", "HEAD", "POST"])
def attribute_course(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what is left of a course in a year with the teachers who are free, or attribute a part of it."""
    given: QueryDict = request.POST if request.method == "POST" else restore(request) or request.GET
    year = academic_year.from_query(given.get("year"))
    row = CourseYear.objects.select_related("course").filter(course=pk, academic_year__label=year).first()
    if row is None:
        raise Http404
    outcome = None
    if request.method == "POST":
        sent = given.dict() | {"course": row.code, "department": row.department, "academic_year": year}
        outcome = assign_parts([AttributionForm(sent)], request.user, confirmed=given.get("confirm") == "yes")
        if outcome.success:
            return _to_course(request, outcome, row)
        if outcome.unavailable:
            return errors.unavailable(request, [outcome.message])
    return _render(request, given, row, outcome)


def _to_course(request: HttpRequest, outcome: Outcome, row: CourseYear) -> HttpResponse:
    keys = ",".join(str(result.attribution) for result in outcome.results)
    undo = f"{reverse('attributions:undo_several')}?{urlencode({'attributions': keys})}"
    messages.success(request, outcome.message, extra_tags=undo)
    address = reverse("courses:detail", args=[row.course_id])
    return redirect(f"{address}?{urlencode({'year': row.academic_year_id})}")


def _render(request: HttpRequest, given: QueryDict, row: CourseYear, outcome: Outcome | None) -> HttpResponse:
    form = AttributionForm(initial=given.dict())
    sought = given.get("who", "").strip()
    parts = [
        part for part in with_parts(CourseYear.objects.filter(pk=row.pk), row.academic_year_id)[0].parts if part.is_open
    ]
    context: dict[str, Any] = {
        "row": row,
        "form": form,
        "fields": [form[name] for name in _FIELDS],
        "parts": parts,
        "component": _chosen(parts, given.get("component", "")),
        "sought": sought,
        "found": find_teachers(sought, row.academic_year_id, given.get("teacher", "")) if parts else None,
        "outcome": outcome,
    }
    is_part = request.headers.get("HX-Target") == "teachers"
    template = "attributions/_teacher_radios.html" if is_part else "attributions/attribute_course.html"
    return render(request, template, context, status=outcome.status if outcome else 200)


def _chosen(parts: list[PartShares], component: str) -> str:
    """Return the component asked for, or the first of which something is left."""
    names = [part.component for part in parts]
    return component if component in names else next(iter(names), "")
