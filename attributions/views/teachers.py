"""List, show, import and export teachers, and print decisions and departments."""

from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from attribution_project.accent_search import search_condition
from attribution_project.body import accepts_sheet
from attribution_project.permissions import UserRequest, open_to_users, requires, requires_import
from attribution_project.sortable_list import Column, equality_condition, sorted_page, sorted_query
from attribution_project.spreadsheets import exports
from attribution_project.views.import_file import import_page
from courses import academic_year
from courses.models import departments, dictionary_key

from ..department_table import courses_of
from ..models import Attribution, Teacher
from ..resources import TeacherResource, grade_choices
from ..service_hours import service_of
from ..workload import TeachingLoad, sum_of_hours

COLUMNS = [
    Column(key="name", label=_("Teacher"), fields=("last_name", "first_name")),
    Column(key="grade", label=_("Grade"), fields=("grade__position", "grade_id")),
    Column(key="department", label=_("Department"), fields=("department",)),
    Column(key="most", label=_("Maximum"), fields=("max_hours",), css="number"),
]
_FILTERS = {"department": "department", "grade": "grade"}
#: What ``?state=`` shows. Without it: all.
_STATES = {"active": {"active": True}, "inactive": {"active": False}}
#: The years that a teacher's page shows one by one.
YEARS_SHOWN = 10


def find_teachers(request: HttpRequest) -> QuerySet[Teacher]:
    """Return the teachers that the query string asks for."""
    words = search_condition(request.GET.get("q", ""), "last_name", "first_name", "matricule")
    state = _STATES.get(request.GET.get("state", ""), {})
    return Teacher.objects.filter(words, equality_condition(request.GET, _FILTERS), **state)


@requires("attributions.view_teacher")
@require_safe
def teacher_list(request: HttpRequest) -> HttpResponse:
    """Show one page of teachers."""
    context: dict[str, Any] = {
        "listing": sorted_page(request, find_teachers(request), COLUMNS, related=("grade",)),
        "grades": grade_choices(),
        "states": [("active", _("active")), ("inactive", _("inactive"))],
        "departments": teacher_departments(),
        "year": academic_year.current_year(),
    }
    return render(request, "attributions/teacher_list.html", context)


def teacher_departments() -> list[str]:
    """Return the departments that have teachers."""
    found = Teacher.objects.order_by("department").values_list("department", flat=True).distinct()
    return sorted(found, key=dictionary_key)


@requires("attributions.view_teacher")
@require_safe
def export(request: HttpRequest, extension: str) -> HttpResponseBase:
    """Export the filtered list as CSV or XLSX."""
    return exports.download(
        request, TeacherResource(), sorted_query(request, find_teachers(request), COLUMNS), "enseignants", extension
    )


@accepts_sheet
@requires_import("attributions.teacher")
@require_http_methods(["GET", "HEAD", "POST"])
def import_teachers(request: HttpRequest) -> HttpResponse:
    """Add and change teachers from a file."""
    return import_page(request, TeacherResource(), title=_("Import teachers"), back="teachers:list")


def _teachers() -> QuerySet[Teacher]:
    """Return teachers with their grades."""
    return Teacher.objects.select_related("grade")


@requires("attributions.view_teacher")
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one teacher over the years."""
    return _render(request, get_object_or_404(_teachers(), pk=pk), own=False)


@open_to_users
@require_safe
def own(request: UserRequest) -> HttpResponse:
    """Show the page of the teacher who is logged in, or how to get one for this account."""
    teacher = _teachers().filter(user=request.user).first()
    if teacher is None:
        return render(request, "attributions/no_teacher.html")
    return _render(request, teacher, own=True)


def _render(request: HttpRequest, teacher: Teacher, *, own: bool) -> HttpResponse:
    totals = list(
        teacher.attributions.order_by("-academic_year_id")
        .values("academic_year__label")
        .annotate(hours=sum_of_hours("hours"))[:YEARS_SHOWN]
    )
    asked = request.GET.get("year") or (totals[0]["academic_year__label"] if totals else None)
    year = academic_year.from_query(asked)
    context: dict[str, Any] = {
        "teacher": teacher,
        "own": own,
        "year": year,
        "rows": _year_of(teacher, year),
        "totals": [(one["academic_year__label"], _load(teacher, one["hours"])) for one in totals],
    }
    context["load"] = _load(teacher, sum((row.hours for row in context["rows"]), Decimal(0)))
    context["service"] = service_of(teacher, year, context["rows"])
    return render(request, "attributions/teacher_detail.html", context)


def _load(teacher: Teacher, hours: Any) -> TeachingLoad:
    return TeachingLoad(hours=hours, maximum=teacher.max_hours)


def _year_of(teacher: Teacher, year: str) -> list[Attribution]:
    held = teacher.attributions.filter(academic_year__label=year).select_related("course", "course_year")
    return list(held.order_by("course_year__semester", "course__code", "component", "pk"))


@requires("attributions.view_attribution")
@require_safe
def department(request: HttpRequest) -> HttpResponse:
    """Show all courses of a department with their teachers in a year, to be printed."""
    year = academic_year.from_query(request.GET.get("year"))
    names = departments()
    name = request.GET.get("department", "")
    if name not in names:
        name = names[0] if names else ""
    context: dict[str, Any] = {
        "year": year,
        "years": academic_year.all_years(),
        "department": name,
        "departments": names,
        "courses": courses_of(name, year),
        "today": timezone.localdate(),
    }
    return render(request, "attributions/department.html", context)
