"""List, show, import and export courses."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from attribution_project.accent_search import search_condition
from attribution_project.body import accepts_sheet
from attribution_project.permissions import requires, requires_import
from attribution_project.sortable_list import Column, equality_condition, sorted_page, sorted_query
from attribution_project.spreadsheets import exports
from attribution_project.views.import_file import import_page

from .models import Course, Semester, departments, level_choices
from .resources import CourseResource

COLUMNS = [
    Column(key="code", label=_("Course"), fields=("code",)),
    Column(key="department", label=_("Department"), fields=("department",)),
    Column(key="level", label=_("Level"), fields=("level__position", "level_id", "semester")),
    Column(key="credits", label=_("Credits"), fields=("credits",), css="number"),
]
_FILTERS = {"department": "department", "level": "level", "semester": "semester"}
#: The newest attributions that a course's page shows: ten years of three parts.
_MAX_SHOWN = 30


def find_courses(request: HttpRequest) -> QuerySet[Course]:
    """Return the courses that the query string asks for."""
    given = request.GET.copy()
    if given.get("semester") not in ("1", "2"):
        given.pop("semester", None)
    return Course.objects.filter(
        search_condition(given.get("q", ""), "code", "title"), equality_condition(given, _FILTERS)
    )


@requires("courses.view_course")
@require_safe
def course_list(request: HttpRequest) -> HttpResponse:
    """Show one page of courses."""
    context: dict[str, Any] = {
        "listing": sorted_page(request, find_courses(request), COLUMNS),
        "departments": departments(),
        "levels": level_choices(),
        "semesters": Semester,
    }
    return render(request, "courses/course_list.html", context)


@requires("courses.view_course")
@require_safe
def export(request: HttpRequest, extension: str) -> HttpResponseBase:
    """Export the filtered list as CSV or XLSX."""
    return exports.download(
        request, CourseResource(), sorted_query(request, find_courses(request), COLUMNS), "cours", extension
    )


@accepts_sheet
@requires_import("courses.course")
@require_http_methods(["GET", "HEAD", "POST"])
def import_courses(request: HttpRequest) -> HttpResponse:
    """Add and change courses from a file."""
    return import_page(request, CourseResource(), title=_("Import courses"), back="courses:list")


@requires("courses.view_course")
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one course with its parts, and its teachers over the years."""
    course = get_object_or_404(Course, pk=pk)
    held = course.attributions.select_related("teacher").order_by("-academic_year_id", "component", "pk")[:_MAX_SHOWN]
    context: dict[str, Any] = {
        "course": course,
        "parts": [(component, course.hours_of(component)) for component in ("CM", "TD", "TP")],
        "attributions": list(held),
    }
    return render(request, "courses/course_detail.html", context)
