"""Show, edit, move, remove and undo one attribution."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from attribution_project.permissions import requires

from ..api import MAX_PARTS
from ..forms import MoveForm, PartForm
from ..models import Attribution
from ..services import changes
from ..services.results import Outcome
from .assign import find_teachers

_CHANGE = "attributions.change_attribution"
_REMOVE = "attributions.delete_attribution"
#: Changes shown on the page of one attribution.
_MAX_CHANGES = 50


def _get_attribution(pk: int) -> Attribution:
    return get_object_or_404(Attribution.objects.select_related("course", "teacher", "created_by"), pk=pk)


@requires("attributions.view_attribution")
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the attribution and its history, or only the history of a removed one."""
    history = list(
        Attribution.history.filter(id=pk)
        .select_related("history_user", "teacher", "course")
        .order_by("-history_id")[:_MAX_CHANGES]
    )
    attribution = Attribution.objects.select_related("course", "teacher", "created_by").filter(pk=pk).first()
    if attribution is None and not history:
        raise Http404
    latest = history[0] if history else None
    context = {
        "attribution": attribution,
        "part": attribution or latest,
        "history": history,
        "undoable": latest is not None and request.user.has_perm(_CHANGE) and changes.may_undo(latest, request.user),
        "latest": latest,
    }
    return render(request, "attributions/detail.html", context)


@requires(_CHANGE)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change hours, kind of load and note."""
    attribution = _get_attribution(pk)
    form = PartForm(request.POST or None, instance=attribution)
    outcome = None
    if request.method == "POST" and form.is_valid():
        outcome = changes.save(form.instance, request.user, confirmed=request.POST.get("confirm") == "yes")
        if outcome.success:
            return _redirect_after_change(request, outcome, pk)
    return _render(request, "attributions/edit.html", outcome, {"form": form, "attribution": attribution})


@requires(_CHANGE)
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Move the attribution to another teacher."""
    attribution = _get_attribution(pk)
    form = MoveForm(request.POST or None)
    outcome = None
    if request.method == "POST" and form.is_valid():
        attribution.teacher = form.cleaned_data["teacher"]
        outcome = changes.save(attribution, request.user, confirmed=request.POST.get("confirm") == "yes")
        if outcome.success:
            return _redirect_after_change(request, outcome, pk)
    sought = request.GET.get("who", "").strip()
    context = {"form": form, "attribution": attribution, "sought": sought, "found": find_teachers(sought)}
    is_part = request.headers.get("HX-Target") == "teachers"
    template = "attributions/_teacher_radios.html" if is_part else "attributions/move.html"
    return _render(request, template, outcome, context)


@requires(_REMOVE)
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask (GET), then remove the attribution (POST)."""
    attribution = _get_attribution(pk)
    if request.method != "POST":
        return render(request, "attributions/remove.html", {"attribution": attribution})
    outcome = changes.remove(attribution, request.user)
    if not outcome.success:
        return _render(request, "attributions/remove.html", outcome, {"attribution": attribution})
    messages.success(request, outcome.message, extra_tags=reverse("attributions:undo", args=[pk]))
    return redirect("attributions:list")


@requires(_CHANGE)
@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Undo the latest change of this attribution."""
    record = changes.latest_change(pk)
    if record is None:
        raise Http404
    # An older page means the change that it showed.
    shown = request.POST.get("change")
    if shown and shown != str(record.history_id):
        messages.error(request, _("Something was changed since: nothing was undone."))
        return redirect("attributions:detail", pk=pk)
    outcome = changes.undo(record, request.user)
    (messages.success if outcome.success else messages.error)(request, outcome.message)
    return redirect("attributions:detail", pk=pk)


@requires(_CHANGE)
@require_POST
def undo_several(request: HttpRequest) -> HttpResponse:
    """Undo each attribution of one request, and report those that could not be undone."""
    keys = [key for key in request.GET.get("attributions", "").split(",") if key.isdecimal()][:MAX_PARTS]
    outcomes = [changes.undo_creation(int(key), request.user) for key in keys]
    done = sum(outcome.success for outcome in outcomes)
    if done:
        sentence = ngettext("%(n)d attribution is taken back.", "%(n)d attributions are taken back.", done)
        messages.success(request, sentence % {"n": done})
    for refusal in dict.fromkeys(outcome.message for outcome in outcomes if not outcome.success):
        messages.error(request, refusal)
    return redirect("attributions:list")


def _redirect_after_change(request: HttpRequest, outcome: Outcome, pk: int) -> HttpResponse:
    messages.success(request, outcome.message, extra_tags=reverse("attributions:undo", args=[pk]))
    return redirect("attributions:detail", pk=pk)


def _render(request: HttpRequest, template: str, outcome: Outcome | None, context: dict[str, Any]) -> HttpResponse:
    status = outcome.status if outcome else 400 if request.method == "POST" else 200
    return render(request, template, context | {"outcome": outcome}, status=status)
