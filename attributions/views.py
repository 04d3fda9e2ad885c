"""The page /attribution/: the list, and the form that adds to it; the same address answers JSON."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from .attribute import Outcome, attribute
from .forms import AttributionForm
from .models import Attribution

PAGE_SIZE = 25


@require_http_methods(["GET", "HEAD", "POST"])
def attribution_list(request: HttpRequest) -> HttpResponse:
    """List the attributions (GET), or attribute one part of a course (POST)."""
    if not request.user.is_authenticated:
        return _please_log_in(request)
    if request.method != "POST":
        return _page(request, AttributionForm())
    try:
        form = AttributionForm(_submitted(request))
    except ValueError:
        return _json(Outcome(status=HTTPStatus.BAD_REQUEST, message=_("The body is not a JSON object in UTF-8.")))
    outcome = attribute(form, request.user)
    if _wants_json(request):
        return _json(outcome)
    if outcome.success:
        messages.success(request, outcome.message)
        return redirect("attributions:list")
    return _page(request, form, outcome)


def _wants_json(request: HttpRequest) -> bool:
    """Tell a program from a browser: a browser says that it prefers HTML."""
    if request.content_type == "application/json" or request.headers.get("X-Requested-With") == "XMLHttpRequest":
        return True
    return request.get_preferred_type(["application/json", "text/html"]) == "application/json"


def _submitted(request: HttpRequest) -> Mapping[str, Any]:
    """Return the fields of a form or of a JSON body, all as text; ValueError when the body is neither."""
    if request.content_type != "application/json":
        return request.POST
    body = json.loads(request.body)
    if not isinstance(body, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one exception for every kind of unusable body
    fields = {key: "" if value is None else str(value) for key, value in body.items()}
    "".join(fields.values()).encode()  # "\ud800" is valid JSON, and no text that a database could store
    return fields


def _please_log_in(request: HttpRequest) -> HttpResponse:
    if request.method == "POST" and _wants_json(request):
        return _json(Outcome(status=HTTPStatus.UNAUTHORIZED, message=_("Please log in first.")))
    return redirect_to_login(request.get_full_path())


def _json(outcome: Outcome) -> JsonResponse:
    return JsonResponse({"success": outcome.success, "message": outcome.message}, status=outcome.status)


def _page(request: HttpRequest, form: AttributionForm, outcome: Outcome | None = None) -> HttpResponse:
    form.fit_widgets()
    # Keys first, from the index alone: the last page of two million rows must not join all those before it.
    page = Paginator(Attribution.objects.values_list("pk", flat=True), PAGE_SIZE).get_page(request.GET.get("page"))
    shown = Attribution.objects.filter(pk__in=list(page))
    context = {
        "form": form,
        "outcome": outcome,
        "attributions": shown.select_related("course", "teacher", "created_by"),
        "page": page,
        "pages": page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1),
    }
    status = outcome.status if outcome else HTTPStatus.OK
    return render(request, "attributions/attribution_list.html", context, status=status)
