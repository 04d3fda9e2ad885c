"""Attribute parts of courses to a teacher, as a page and as the JSON API at /attribution/.

The URL holds the state of the page. Every step is a link or a form that works without JavaScript. htmx only fetches
less.
"""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from attribution_project.kept_form import keeps_form, restore
from attribution_project.permissions import requires, wants_json
from attribution_project.views import errors
from courses import academic_year
from courses.models import Semester, departments, level_choices

from .. import api
from ..free_parts import COURSES_ON_A_PAGE, FreeParts, PartFilter
from ..models import Load, ShareRole, Teacher
from ..services.assign import assign_parts
from ..services.results import Outcome, refused
from ..teacher_picker import find_teachers
from ..workload import teaching_load

#: A larger number of a page is no error, and no database could count so far.
_MAX_PAGE = 1_000_000


@keeps_form
@requires("attributions.view_attribution", change="attributions.add_attribution")
@require_http_methods(["GET", "HEAD", "POST"])
def assign(request: HttpRequest) -> HttpResponse:
    """Show free parts (GET), or attribute parts (POST)."""
    if request.method != "POST":
        kept = restore(request)
        response = render(request, _template(request), _context(request, kept or request.GET))
        # Or a browser would show a part that it kept where the page is wanted.
        patch_vary_headers(response, ["HX-Request", "HX-Target"])
        return response
    try:
        asked = api.parse_request(request)
    except ValueError as error:
        return api.outcome_response(api.unreadable_body(error))
    outcome = assign_parts(asked.forms, request.user, confirmed=asked.confirmed)
    if wants_json(request):
        return api.outcome_response(outcome)
    return _page_response(request, outcome)


def _page_response(request: HttpRequest, outcome: Outcome) -> HttpResponse:
    """Redirect to the list if all was done, else show each part's result beside the parts that are still free."""
    if outcome.success:
        _add_success_message(request, outcome)
        return redirect(f"{reverse('attributions:attribute')}?{urlencode(_query_of_form(request))}")
    if outcome.unavailable:
        # The list of what is free is in the same database.
        return errors.unavailable(
            request, list(dict.fromkeys((outcome.message, *(r.message for r in outcome.results))))
        )
    given = request.POST.copy()
    given.setlist("parts", [result.key for result in outcome.results if result.may_be_sent_again])
    context = _context(request, given) | {"outcome": outcome, "undo": _undo_address(outcome)}
    return render(request, "attributions/assign.html", context, status=outcome.status)


def _add_success_message(request: HttpRequest, outcome: Outcome) -> None:
    """Add a message with the URL that undoes what was done."""
    messages.success(request, outcome.message, extra_tags=_undo_address(outcome))


def _undo_address(outcome: Outcome) -> str:
    """Return the URL that undoes what was done of a request, or "" if nothing was."""
    made = ",".join(str(result.attribution) for result in outcome.results if result.done)
    return f"{reverse('attributions:undo_several')}?{urlencode({'attributions': made})}" if made else ""


def _query_of_form(request: HttpRequest) -> dict[str, str]:
    """Return the query of the page that the form was sent from: year, teacher, filters and page of the list."""
    names = {"academic_year": "year", "teacher": "teacher", "department": "department", "level": "level"}
    names |= {"semester": "semester", "q": "q", "page": "page"}
    return {to: request.POST[name] for name, to in names.items() if request.POST.get(name)}


def _template(request: HttpRequest) -> str:
    """Return the template of the element that htmx asks for by id, or of the whole page."""
    target = request.headers.get("HX-Target", "") if request.headers.get("HX-Request") else ""
    parts = {"teachers": "attributions/_teachers.html", "parts": "attributions/_parts.html"}
    return parts.get(target, "attributions/assign.html")


def _context(request: HttpRequest, given: Any) -> dict[str, Any]:
    year = academic_year.from_query(given.get("year") or given.get("academic_year"))
    teacher = _find_teacher(given.get("teacher", ""))
    wanted = PartFilter.of(given)
    sought = given.get("who", "").strip()
    question = [("year", year), *(pair for pair in wanted.pairs if pair[1])]
    closed = _closed_message(year, teacher)
    context: dict[str, Any] = {
        "year": year,
        "years": academic_year.all_years(),
        "closed": closed,
        "may_send": not closed and request.user.has_perm("attributions.add_attribution"),
        "teacher": teacher,
        "sought": sought,
        "found": find_teachers(sought, year) if sought or teacher is None else None,
        "wanted": wanted,
        # What a link to a teacher keeps of the address.
        "keep": urlencode(question) + "&",
        "kinds": Load,
        "roles": ShareRole,
        "kind": given.get("load", Load.STATUTORY),
        "role": given.get("role", ShareRole.HOLDER),
        "starts_on": given.get("starts_on", ""),
        "ends_on": given.get("ends_on", ""),
        "note": given.get("note", ""),
        "teacher_note": given.get("teacher_note", ""),
    }
    if teacher is not None:
        context |= _free_parts_context(given, year, wanted) | {"load": teaching_load(teacher, year)}
        # What a link to another page of the list keeps, whether the page answers a form or an address.
        context["question"] = urlencode([*question, ("teacher", teacher.matricule)])
    return context


def _closed_message(year: str, teacher: Teacher | None) -> str:
    """Return why nobody can attribute anything here, or ""."""
    if year not in academic_year.open_years():
        return academic_year.closed_message(year)
    if teacher is not None and not teacher.active:
        return _("This teacher is inactive: not offered any more. What is attributed stays.")
    return ""


def _free_parts_context(given: Any, year: str, wanted: PartFilter) -> dict[str, Any]:
    found = FreeParts(year, wanted)
    page = Paginator(found, COURSES_ON_A_PAGE).get_page(given.get("page"))
    chosen = {key: _typed(given, key) for key in given.getlist("parts")}
    shown = [part for course in page for part in course]
    elsewhere = chosen.keys() - {part.key for part in shown}
    return {
        "page": page,
        "parts": [(part, *chosen.get(part.key, (None, ""))) for part in shown],
        "total": found.total,
        "pages": list(page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)),
        "departments": departments(),
        "levels": level_choices(),
        "semesters": Semester,
        "chosen": set(chosen),
        "elsewhere": [(key, *chosen[key]) for key in chosen if key in elsewhere],
    }


def _typed(given: Any, key: str) -> tuple[str | None, str]:
    """Return the hours and the group of a part as they were typed. Without a field for hours they are None."""
    return given.get(f"hours:{key}"), given.get(f"group:{key}", "")


def _find_teacher(matricule: str) -> Teacher | None:
    """Return the teacher with this matricule, or None if there is none, or several in a damaged database."""
    found = (
        list(Teacher.objects.select_related("grade").filter(matricule=matricule.replace("\x00", ""))[:2])
        if matricule
        else []
    )
    return found[0] if len(found) == 1 else None


@requires("attributions.view_attribution")
@require_safe
def free_parts(request: HttpRequest) -> HttpResponse:
    """Return the free parts as JSON: GET /attribution/parts/?year=2026-2027&department=...&page=2."""
    given = request.GET
    year = given.get("year", "").replace("\x00", "") or academic_year.current_year()
    page = given.get("page", "")
    number = min(int(page), _MAX_PAGE) if page.isdecimal() and int(page) else 1
    first = (number - 1) * COURSES_ON_A_PAGE
    courses = FreeParts(year, PartFilter.of(given))[first : first + COURSES_ON_A_PAGE + 1]
    # A year of which something is free is in the list.
    if not courses and given.get("year") and academic_year.from_query(year) != year:
        told = _("%(value)s is not in the list of academic years.")
        return api.outcome_response(refused(told % {"value": year[:20]}))
    return api.free_parts_response(year, courses, number)


@requires("attributions.view_attribution")
@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """Return the OpenAPI schema of this API."""
    return HttpResponse(api.SCHEMA.read_bytes(), content_type="application/json")
