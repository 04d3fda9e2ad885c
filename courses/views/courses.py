"""List a year's courses, show one course, import and export."""

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
from attributions.part_hours import lefts
from attributions.part_shares import with_parts

from .. import academic_year
from ..models import AcademicYear, Course, CourseYear, Semester, departments, level_choices
from ..resources import CourseResource

COLUMNS = [
    Column(key="code", label=_("Course"), fields=("course__code",)),
    Column(key="department", label=_("Department"), fields=("course__department",)),
    Column(key="level", label=_("Level"), fields=("level__position", "level_id", "semester")),
    Column(key="credits", label=_("Credits"), fields=("credits",), css="number"),
]
_FILTERS = {"department": "course__department", "level": "level_id", "semester": "semester"}
#: What ``?state=`` shows. Without it: the active ones.
_STATES = {"inactive": {"course__active": False}, "all": {}}
#: The newest attributions that a course's page shows: ten years of three parts.
_MAX_SHOWN = 30


def find_courses(request: HttpRequest, year: str) -> QuerySet[CourseYear]:
    """Return the courses of a year that the query string asks for."""
    given = request.GET.copy()
    if given.get("semester") not in ("1", "2"):
        given.pop("semester", None)
    state = _STATES.get(given.get("state", ""), {"course__active": True})
    return CourseYear.objects.filter(
        search_condition(given.get("q", ""), "course__code", "title"),
        equality_condition(given, _FILTERS),
        academic_year__label=year,
        **state,
    )


@requires("courses.view_course")
@require_safe
def course_list(request: HttpRequest) -> HttpResponse:
    """Show one page of a year's courses."""
    years = list(AcademicYear.objects.all())
    year = academic_year.chosen(years, request.GET.get("year"))
    context: dict[str, Any] = {
        "listing": sorted_page(request, find_courses(request, year.label), COLUMNS, related=("course",), added=lefts()),
        "year": year,
        "years": years,
        "departments": departments(),
        "levels": level_choices(),
        "semesters": Semester,
        "states": [("inactive", _("inactive")), ("all", _("all of them"))],
    }
    return render(request, "courses/course_list.html", context)


@requires("courses.view_course")
@require_safe
def export(request: HttpRequest, extension: str) -> HttpResponseBase:
    """Export the filtered list as CSV or XLSX."""
    year = academic_year.from_query(request.GET.get("year"))
    rows = sorted_query(request, find_courses(request, year), COLUMNS).select_related("course").annotate(**lefts())
    return exports.download(request, CourseResource(year), rows, f"cours-{year}", extension)


@accepts_sheet
@requires_import("courses.course")
@require_http_methods(["GET", "HEAD", "POST"])
def import_courses(request: HttpRequest) -> HttpResponse:
    """Add and change courses of an open year from a file."""
    years = academic_year.open_years()
    asked = request.POST.get("year") or request.GET.get("year") or academic_year.current_year()
    year = asked if asked in years else next(iter(years), "")
    resource = CourseResource(year)
    return import_page(request, resource, title=_("Import courses"), back="courses:list", years=years)


@requires("courses.view_course")
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one course in a year, with what is left of it, and its teachers over the years."""
    course = get_object_or_404(Course, pk=pk)
    years = list(AcademicYear.objects.all())
    year = academic_year.chosen(years, request.GET.get("year"))
    given = with_parts(course.years.filter(academic_year__label=year.label), year.label)
    of_year = given[0].course if given else None
    held = course.attributions.select_related("teacher").order_by("-academic_year_id", "component", "group", "pk")
    context: dict[str, Any] = {
        "course": course,
        "of_year": of_year,
        "content": of_year or course,
        "year": year,
        "years": years,
        "parts": given[0].parts if given else [],
        "attributions": list(held[:_MAX_SHOWN]),
    }
    return render(request, "courses/course_detail.html", context)
