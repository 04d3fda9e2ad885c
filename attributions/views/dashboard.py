"""Show a year in figures: progress, free parts and each teacher's hours."""

from collections import Counter
from decimal import Decimal
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from attribution_project import svg_charts
from attribution_project.figures import hours_text
from attribution_project.permissions import requires
from attribution_project.sortable_list import PAGE_SIZE, query_string
from attribution_project.spreadsheets import exports
from courses import academic_year
from courses.models import CourseYear
from office.models import OfficeSettings

from .. import statistics
from ..models import Teacher
from ..resources import LoadResource
from ..review import count_to_review, courses_to_review, parts_to_review
from ..service_hours import services, with_taught_hours
from ..workload import TeachingLoad

TEACHERS_ON_A_PAGE = 30


@requires("attributions.view_attribution")
@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show the figures of one year."""
    year = academic_year.from_query(request.GET.get("year"))
    by_level = statistics.progress_by("level", year)
    by_department = statistics.progress_by("course__department", year)
    order = statistics.teachers_by_load(year).values_list("pk")
    page: Page[Any] = Paginator(order, TEACHERS_ON_A_PAGE).get_page(request.GET.get("page"))
    shown = Teacher.objects.filter(pk__in=page.object_list)
    teachers = services(statistics.by_load(with_taught_hours(shown, year)), OfficeSettings.load())
    loads = [(teacher, TeachingLoad(hours=teacher.hours, maximum=teacher.max_hours)) for teacher, _service in teachers]
    context: dict[str, Any] = {
        "year": year,
        "years": academic_year.all_years(),
        "total": statistics.total_progress(by_level),
        "by_level": by_level,
        "level_chart": _progress_chart(by_level, _("Hours attributed by level")),
        "by_department": by_department,
        "department_chart": _progress_chart(by_department, _("Hours attributed by department")),
        "to_review": count_to_review(year),
        "loads": [(*load, service) for load, (_teacher, service) in zip(loads, teachers, strict=True)],
        "load_chart": _load_chart(loads),
        "page": page,
        "pages": list(page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)),
        "query": query_string(request.GET, page=None),
    }
    return render(request, "attributions/dashboard.html", context)


@requires("attributions.view_attribution")
@require_safe
def export(request: HttpRequest, extension: str) -> HttpResponseBase:
    """Export the statutory hours of all teachers in a year as CSV or XLSX."""
    year = academic_year.from_query(request.GET.get("year"))
    teachers = statistics.by_load(with_taught_hours(Teacher.objects.all(), year))
    return exports.download(request, LoadResource(), teachers, f"services-{year}", extension)


@requires("attributions.view_attribution")
@require_safe
def review(request: HttpRequest) -> HttpResponse:
    """List the parts of which more hours are given than there are, or less to those who hold them."""
    year = academic_year.from_query(request.GET.get("year"))
    page = Paginator(courses_to_review(year), PAGE_SIZE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "year": year,
        "years": academic_year.all_years(),
        "courses": parts_to_review(CourseYear.objects.filter(pk__in=list(page)).order_by("course__code", "pk"), year),
        "total": count_to_review(year),
        "page": page,
        "pages": list(page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)),
        "query": query_string(request.GET, page=None),
    }
    return render(request, "attributions/review.html", context)


def _whole(hours: Decimal) -> str:
    """Return hours for the end of a bar, where a telephone has little room: the table has what follows the point."""
    return hours_text(hours // 1)


def _progress_chart(progress: list[statistics.Progress], title: str) -> str:
    rows = [
        svg_charts.Bar(
            label=one.name,
            value=float(one.held),
            maximum=float(one.all),
            text=f"{_whole(one.held)} / {_whole(one.all)} h",
            state="full" if one.all and not one.free else "",
        )
        for one in progress
    ]
    return svg_charts.bar_chart(rows, title=title)


def _load_chart(loads: list[tuple[Any, TeachingLoad]]) -> str:
    names = Counter(str(teacher) for teacher, _load in loads)
    rows = [
        svg_charts.Bar(
            label=f"{teacher.matricule} {teacher}" if names[str(teacher)] > 1 else str(teacher),
            value=float(load.hours),
            maximum=float(load.maximum),
            text=f"{_whole(load.hours)} / {_whole(load.maximum)} h",
            state=load.state if load.state != "free" else "",
        )
        for teacher, load in loads
    ]
    return svg_charts.bar_chart(rows, title=_("Hours of each teacher against the maximum"))
