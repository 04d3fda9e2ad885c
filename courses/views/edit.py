"""Add, correct, deactivate and reactivate courses."""

from http import HTTPStatus
from operator import attrgetter
from typing import Any

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from attribution_project.kept_form import keeps_form, restore
from attribution_project.permissions import requires
from attribution_project.views import activation

from .. import academic_year
from ..academic_year import ClosedYearError, closed_message, require_open
from ..course_years import save_course_year
from ..forms import CourseForm
from ..models import CONTENT, Course, CourseYear

_ADD, _CHANGE = "courses.add_course", "courses.change_course"


@keeps_form
@requires(_ADD)
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Add a course to an open year."""
    years = academic_year.open_years()
    asked = request.POST.get("year") or request.GET.get("year") or academic_year.current_year()
    year = asked if asked in years else next(iter(years), "")
    blank = CourseYear(course=Course(), academic_year_id=year)
    if request.method != "POST":
        return _render(request, CourseForm(restore(request), instance=blank), years=years)
    form = CourseForm(request.POST, instance=blank)
    with transaction.atomic():
        stored = _store(form, year)
    if stored:
        messages.success(request, _("%(course)s is added to %(year)s.") % _names(form.instance))
        return _to_course(form.instance)
    return _render(request, form, years=years, status=HTTPStatus.BAD_REQUEST)


@keeps_form
@requires(_CHANGE)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Correct a course in one year: other years keep their hours and title."""
    year = request.POST.get("year") or request.GET.get("year") or academic_year.current_year()
    if request.method != "POST":
        row = _find(pk, year)
        if not row.academic_year.open:
            messages.error(request, closed_message(year))
            return _to_course(row)
        return _render(request, CourseForm(restore(request), instance=row))
    with transaction.atomic():
        # Whoever attributes hours of the course waits, and so does whoever corrects it at the same time.
        list(Course.objects.select_for_update(no_key=True).filter(pk=pk).values_list("pk"))
        list(CourseYear.objects.select_for_update(no_key=True).filter(course=pk).order_by("pk").values_list("pk"))
        form = CourseForm(request.POST, instance=_find(pk, year))
        stored = _store(form, year)
    if stored:
        messages.success(request, _("%(course)s is changed for %(year)s.") % _names(form.instance))
        return _to_course(form.instance)
    return _render(request, form, status=HTTPStatus.BAD_REQUEST)


@requires(_CHANGE)
@require_POST
def give(request: HttpRequest, pk: int) -> HttpResponse:
    """Add a course that there is to an open year, with the content of its newest one."""
    course = get_object_or_404(Course, pk=pk)
    year = request.POST.get("year", "")
    try:
        with transaction.atomic():
            require_open(year, lock=True)
            content = {name: getattr(course, name) for name in CONTENT} | {"academic_year_id": year}
            row, made = course.years.get_or_create(academic_year__label=year, defaults=content)
    except ClosedYearError as error:
        messages.error(request, str(error))
        return redirect("courses:detail", pk=pk)
    if made:
        messages.success(request, _("%(course)s is added to %(year)s.") % _names(row))
    return _to_course(row)


@requires(_CHANGE)
@require_POST
def set_active(request: HttpRequest, pk: int, *, active: bool) -> HttpResponse:
    """Take a course out of the pickers, or offer it again. Its history stays."""
    return activation.set_active(
        request,
        Course.objects.all(),
        pk,
        active=active,
        withdrawn=_("%(name)s is not offered any more. Its history stays."),
        namespace="courses",
        name=attrgetter("full_code"),
    )


def _find(pk: int, year: str) -> CourseYear:
    found = CourseYear.objects.select_related("course", "academic_year", "level")
    row = found.filter(course=pk, academic_year__label=year.replace("\x00", "")).first()
    if row is None:
        raise Http404
    return row


def _store(form: CourseForm, year: str) -> bool:
    """Store a course of an open year, and return whether it is stored. The form says why it is not."""
    if not (form.is_valid() and _is_open(form, year)):
        return False
    try:
        with transaction.atomic():
            save_course_year(form.instance)
    except IntegrityError:
        # Somebody gave another course this code since it was asked for.
        if not form.refuse_taken_code():
            raise
        return False
    return True


def _is_open(form: CourseForm, year: str) -> bool:
    try:
        require_open(year, lock=True)
    except ClosedYearError as error:
        form.add_error(None, str(error))
        return False
    return True


def _names(row: CourseYear) -> dict[str, str]:
    return {"course": row.full_code, "year": row.academic_year_id}


def _to_course(row: CourseYear) -> HttpResponse:
    address = reverse("courses:detail", args=[row.course_id])
    return redirect(f"{address}?{urlencode({'year': row.academic_year_id})}")


def _render(request: HttpRequest, form: CourseForm, *, status: int = HTTPStatus.OK, **more: Any) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "row": form.instance, **more}
    return render(request, "courses/course_form.html", context, status=status)
