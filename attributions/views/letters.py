"""Decision letters, to be printed: one teacher's, or all of a department in one print."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from attribution_project.permissions import UserRequest, open_to_users, requires
from courses import academic_year
from office.models import OfficeSettings

from ..letters import Letter, letter_of, letters_of
from ..models import Teacher
from .teachers import teacher_departments


@requires("attributions.view_teacher")
@require_safe
def decision(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a teacher's decision letter of a year."""
    return _one(request, Teacher.objects.filter(pk=pk))


@open_to_users
@require_safe
def own_decision(request: UserRequest) -> HttpResponse:
    """Show the decision letter of the teacher who is logged in."""
    return _one(request, Teacher.objects.filter(user=request.user))


def _one(request: HttpRequest, teacher: QuerySet[Teacher]) -> HttpResponse:
    year, settings = academic_year.from_query(request.GET.get("year")), OfficeSettings.load()
    letter = letter_of(teacher, year, settings)
    if letter is None:
        raise Http404
    return render(request, "attributions/decision.html", _context([letter], year, settings))


@requires("attributions.view_teacher")
@require_safe
def department_letters(request: HttpRequest) -> HttpResponse:
    """Show the letters of all teachers of a department in a year, each on a page of its own."""
    year, settings = academic_year.from_query(request.GET.get("year")), OfficeSettings.load()
    names = teacher_departments()
    name = request.GET.get("department", "")
    if name not in names:
        name = names[0] if names else ""
    context = _context(letters_of(name, year, settings), year, settings)
    context |= {"years": academic_year.all_years(), "department": name, "departments": names}
    return render(request, "attributions/department_letters.html", context)


def _context(letters: list[Letter], year: str, settings: OfficeSettings) -> dict[str, Any]:
    return {"letters": letters, "year": year, "office": settings, "today": timezone.localdate()}
