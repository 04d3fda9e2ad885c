"""Show, edit, move, remove and undo one attribution."""

from copy import copy
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from attribution_project.kept_form import keeps_form, restore
from attribution_project.permissions import requires, wants_json
from attribution_project.versions import version_of
from courses import academic_year
from courses.models import CourseYear

from ..api import MAX_PARTS, attribution_response, outcome_response
from ..forms import MoveForm, PartForm, ReplaceForm
from ..models import Attribution
from ..services import changes, replacement, together
from ..services.results import Outcome, conflict, refused
from ..teacher_picker import find_teachers

_CHANGE = "attributions.change_attribution"
_REMOVE = "attributions.delete_attribution"
#: Changes shown on the page of one attribution.
_MAX_CHANGES = 50


def _find(pk: int) -> Attribution | None:
    return Attribution.objects.select_related("course", "course_year", "teacher", "created_by").filter(pk=pk).first()


def _add_course_year(record: Any) -> None:
    """Give the history record of a removed attribution the course as it is in its year."""
    found = CourseYear.objects.filter(course=record.course_id, academic_year__label=record.academic_year_id)
    record.course_year = found.first()


@requires("attributions.view_attribution")
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the attribution and its history, or only the history of a removed one."""
    history = list(
        Attribution.history.filter(id=pk)
        .select_related("history_user", "teacher", "course")
        .order_by("-history_id")[:_MAX_CHANGES]
    )
    attribution = _find(pk)
    if attribution is None and not history:
        raise Http404
    if attribution is not None and wants_json(request):
        return attribution_response(attribution)
    latest = history[0] if history else None
    if attribution is None:
        _add_course_year(latest)
    context = {
        "attribution": attribution,
        "open_years": academic_year.open_years(),
        "part": attribution or latest,
        "history": history,
        "undoable": latest is not None and request.user.has_perm(_CHANGE) and changes.may_undo(latest, request.user),
        "latest": latest,
    }
    return render(request, "attributions/detail.html", context)


@keeps_form
@requires(_CHANGE)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change hours, kind of load and remarks."""
    attribution = _find(pk)
    if attribution is None:
        return _removed(request, pk)
    shown = copy(attribution)
    kept = restore(request)
    form = PartForm(
        request.POST if request.method == "POST" else None, instance=attribution, initial=kept.dict() if kept else None
    )
    outcome = None
    if request.method == "POST" and form.is_valid():
        confirmed = request.POST.get("confirm") == "yes"
        outcome = changes.save(form.instance, request.user, request.POST.get("version", ""), confirmed=confirmed)
        if outcome.success:
            return _answer_change(request, outcome, pk)
    context = {"form": form, "attribution": shown, "kept": kept}
    return _render(request, "attributions/edit.html", outcome, context)


@keeps_form
@requires(_CHANGE)
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Move the attribution to another teacher."""
    attribution = _find(pk)
    if attribution is None:
        return _removed(request, pk)
    shown = copy(attribution)
    kept = restore(request)
    form = MoveForm(request.POST if request.method == "POST" else None, initial=kept.dict() if kept else None)
    outcome = None
    if request.method == "POST" and form.is_valid():
        attribution.teacher = form.cleaned_data["teacher"]
        confirmed = request.POST.get("confirm") == "yes"
        outcome = changes.save(attribution, request.user, request.POST.get("version", ""), confirmed=confirmed)
        if outcome.success:
            return _answer_change(request, outcome, pk)
    sought = request.GET.get("who", "").strip()
    found = find_teachers(sought, attribution.academic_year_id, str(form["teacher"].value() or ""))
    context = {"form": form, "attribution": shown, "sought": sought, "found": found, "kept": kept}
    is_part = request.headers.get("HX-Target") == "teachers"
    template = "attributions/_teacher_radios.html" if is_part else "attributions/move.html"
    return _render(request, template, outcome, context)


@keeps_form
@requires(_CHANGE)
@require_http_methods(["GET", "HEAD", "POST"])
def replace(request: HttpRequest, pk: int) -> HttpResponse:
    """Replace the teacher from a day on."""
    attribution = _find(pk)
    if attribution is None:
        return _removed(request, pk)
    shown = copy(attribution)
    kept = restore(request)
    form = ReplaceForm(request.POST if request.method == "POST" else None, initial=kept.dict() if kept else None)
    outcome = None
    if request.method == "POST" and form.is_valid():
        outcome = replacement.replace(
            attribution,
            **form.cleaned_data,
            user=request.user,
            version=request.POST.get("version", ""),
            confirmed=request.POST.get("confirm") == "yes",
        )
        if outcome.success:
            undo_address = reverse("attributions:undo_together", args=[outcome.undo])
            return _answer_change(request, outcome, pk, undo_address)
    sought = request.GET.get("who", "").strip()
    found = find_teachers(sought, attribution.academic_year_id, str(form["teacher"].value() or ""))
    context = {"form": form, "attribution": shown, "sought": sought, "found": found, "kept": kept}
    is_part = request.headers.get("HX-Target") == "teachers"
    template = "attributions/_teacher_radios.html" if is_part else "attributions/replace.html"
    return _render(request, template, outcome, context)


@requires(_REMOVE)
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask (GET), then remove the attribution (POST)."""
    attribution = _find(pk)
    if attribution is None:
        return _removed(request, pk)
    if request.method != "POST":
        return _render(request, "attributions/remove.html", None, {"attribution": attribution})
    outcome = changes.remove(attribution, request.user, request.POST.get("version", ""))
    if not outcome.success:
        return _render(request, "attributions/remove.html", outcome, {"attribution": attribution})
    if wants_json(request):
        return outcome_response(outcome)
    messages.success(request, outcome.message, extra_tags=reverse("attributions:undo", args=[pk]))
    return redirect(_back(request) or "attributions:list")


def _removed(request: HttpRequest, pk: int) -> HttpResponse:
    """Say who removed an attribution, and keep what was typed. Answer 404 if it never was there."""
    latest = changes.latest_change(pk)
    if latest is None:
        raise Http404
    _add_course_year(latest)
    outcome = conflict(changes.removed_message(latest))
    if request.method == "POST" and wants_json(request):
        return outcome_response(outcome)
    if request.method != "POST":
        return redirect("attributions:detail", pk=pk)
    form = PartForm()
    typed = [(form[name].label, request.POST[name]) for name in form.fields if request.POST.get(name)]
    context = {"outcome": outcome, "part": latest, "typed": typed}
    return render(request, "attributions/removed.html", context, status=outcome.status)


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
    return redirect(_back(request) or reverse("attributions:detail", args=[pk]))


@requires(_CHANGE)
@require_POST
def undo_together(request: HttpRequest, token: str) -> HttpResponse:
    """Undo all that was made together: a carry-over or a replacement."""
    outcome = together.undo(token, request.user)
    (messages.success if outcome.success else messages.error)(request, outcome.message)
    return redirect(_back(request) or "attributions:list")


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
    return redirect(_back(request) or "attributions:list")


def _answer_change(request: HttpRequest, outcome: Outcome, pk: int, undo_address: str = "") -> HttpResponse:
    if wants_json(request):
        return outcome_response(outcome)
    address = undo_address or reverse("attributions:undo", args=[pk])
    messages.success(request, outcome.message, extra_tags=address)
    return redirect(_back(request) or reverse("attributions:detail", args=[pk]))


def _back(request: HttpRequest) -> str:
    """Return the address of the list that the form was opened from, or that offered to undo, as it was, or ""."""
    address = request.GET.get("next", "") or request.POST.get("next", "")
    own = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if own else ""


def _render(request: HttpRequest, template: str, outcome: Outcome | None, context: dict[str, Any]) -> HttpResponse:
    """Show the form with the version of what is stored, and at a conflict what that is."""
    attribution, form = context["attribution"], context.get("form")
    if outcome and wants_json(request):
        return outcome_response(outcome)
    if request.method == "POST" and form is not None and form.errors and wants_json(request):
        return outcome_response(refused(" ".join(error for errors in form.errors.values() for error in errors)))
    if outcome and outcome.conflict:
        attribution = _find(attribution.pk) or attribution
    # After another refusal the form keeps the version that it came with.
    given = context.get("kept") or request.POST
    seen = "" if outcome and outcome.conflict else given.get("version", "")
    context |= {"outcome": outcome, "attribution": attribution, "version": seen or version_of(attribution)}
    context["back"] = _back(request)
    status = outcome.status if outcome else 400 if request.method == "POST" else 200
    return render(request, template, context, status=status)
