"""List, search, sort and export attributions."""

from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from attribution_project.accent_search import MAX_WORDS, search_condition
from attribution_project.body import accepts_sheet
from attribution_project.permissions import requires, requires_import
from attribution_project.sortable_list import Column, equality_condition, sorted_page, sorted_query
from attribution_project.spreadsheets import exports
from attribution_project.views.import_file import import_page
from courses import academic_year
from courses.models import Course, departments

from ..models import Attribution, Component, Load, Teacher
from ..share_resource import AttributionResource

COLUMNS = [
    Column(key="course", label=_("Course"), fields=("course__code", "component")),
    Column(key="teacher", label=_("Teacher"), fields=("teacher__last_name", "teacher__first_name")),
    Column(key="year", label=_("Year"), fields=("academic_year_id",)),
    Column(key="hours", label=_("Hours"), fields=("hours",), css="number"),
]
_FILTERS = {"year": "academic_year", "department": "course__department", "component": "component", "load": "load"}


def find_attributions(request: HttpRequest) -> QuerySet[Attribution]:
    """Return the attributions that the query string asks for."""
    query = Attribution.objects.filter(equality_condition(request.GET, _FILTERS))
    for word in request.GET.get("q", "").split()[:MAX_WORDS]:
        # Courses and teachers are few: the words are looked for there, and not in millions of rows.
        courses = Course.objects.filter(search_condition(word, "code", "title"))
        teachers = Teacher.objects.filter(search_condition(word, "last_name", "first_name", "matricule"))
        query = query.filter(Q(course__in=courses.order_by()) | Q(teacher__in=teachers.order_by()))
    return query


@requires("attributions.view_attribution")
@require_safe
def attribution_list(request: HttpRequest) -> HttpResponse:
    """Show one page of the list. It opens on the current year: all years are a choice, which names none."""
    if not request.GET:
        request.GET = QueryDict(urlencode({"year": academic_year.current_year()}))
    context: dict[str, Any] = {
        "listing": sorted_page(
            request, find_attributions(request), COLUMNS, related=("course", "course_year", "teacher", "created_by")
        ),
        "years": academic_year.all_years(),
        "open_years": academic_year.open_years(),
        "departments": departments(),
        "components": Component,
        "kinds": Load,
    }
    return render(request, "attributions/attribution_list.html", context)


@accepts_sheet
@requires_import("attributions.attribution")
@require_http_methods(["GET", "HEAD", "POST"])
def import_attributions(request: HttpRequest) -> HttpResponse:
    """Add and change attributions from a file."""
    return import_page(request, AttributionResource(), title=_("Import attributions"), back="attributions:list")


@requires("attributions.view_attribution")
@require_safe
def export(request: HttpRequest, extension: str) -> HttpResponseBase:
    """Export the filtered list as CSV or XLSX."""
    rows = sorted_query(request, find_attributions(request), COLUMNS).select_related("course", "course_year", "teacher")
    return exports.download(request, AttributionResource(), rows, "attributions", extension)
