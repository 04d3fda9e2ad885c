"""Copy last year's attributions: review the suggestions page by page, then accept all of them."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from attribution_project.kept_form import keeps_form, restore
from attribution_project.permissions import requires
from courses import academic_year
from courses.models import departments

from ..services.copy_year import accept, hours_over_maximum, suggestions, with_totals
from ..services.results import Outcome

PAGE_SIZE = 50
#: The form names each excluded suggestion.
_MAX_EXCLUDED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Review:
    """The state of the review: filters, page and excluded suggestions."""

    year: str
    department: str
    #: Keys of attributions of the year before.
    without: list[int]
    page: int


@keeps_form
@requires("attributions.add_attribution")
@require_http_methods(["GET", "HEAD", "POST"])
def copy_year(request: HttpRequest) -> HttpResponse:
    """Show the suggestions, or create them if the button ``accept`` sent the form.

    Buttons turn the pages, so that each page keeps what is ticked on the others.
    """
    given: QueryDict = request.POST if request.method == "POST" else restore(request) or request.GET
    review = _Review(
        year=academic_year.from_query(given.get("year")),
        department=given.get("department", "").replace("\x00", ""),
        without=sorted({int(key) for key in given.getlist("without") if key.isdecimal()})[:_MAX_EXCLUDED],
        page=int(str(given["page"])) if given.get("page", "").isdecimal() else 1,
    )
    if "accept" not in request.POST:
        return _render(request, review, None)
    expected = int(str(given["expected"])) if given.get("expected", "").isdecimal() else -1
    confirmed = given.get("confirm") == "yes"
    outcome = accept(review.year, review.department, review.without, expected, request.user, confirmed=confirmed)
    if not outcome.success:
        return _render(request, review, outcome)
    messages.success(request, outcome.message, extra_tags=reverse("attributions:undo_together", args=[outcome.undo]))
    return redirect(f"{reverse('attributions:list')}?year={review.year}")


def _rows_of_page(found: QuerySet[Any], number: int) -> list[Any]:
    """Return the rows on a page, or on the last one."""
    first = (max(number, 1) - 1) * PAGE_SIZE
    rows = list(found[first : first + PAGE_SIZE])
    if not rows and first and (last := Paginator(found, PAGE_SIZE).num_pages) < number:
        return _rows_of_page(found, last)
    return rows


def _render(request: HttpRequest, review: _Review, outcome: Outcome | None) -> HttpResponse:
    everything = suggestions(review.year, review.department)
    related = everything.select_related("course", "course_year", "teacher")
    rows = _rows_of_page(with_totals(related, review.without), review.page)
    shown = {row.pk for row in rows}
    over = hours_over_maximum(review.year, {row.teacher_id: row.proposed for row in rows})
    page = Paginator(range(rows[0].all if rows else 0), PAGE_SIZE).get_page(review.page)
    context: dict[str, Any] = {
        "year": review.year,
        "source": academic_year.previous_year(review.year),
        "years": academic_year.all_years(),
        "department": review.department,
        "departments": departments(),
        "rows": [{"old": row, "out": row.pk in review.without, "over": over.get(row.teacher_id)} for row in rows],
        "without": review.without,
        "elsewhere": [key for key in review.without if key not in shown],
        "total": page.paginator.count,
        "page_number": page.number,
        "page_numbers": page.paginator.page_range,
        "outcome": outcome,
    }
    return render(request, "attributions/copy_year.html", context, status=outcome.status if outcome else 200)
