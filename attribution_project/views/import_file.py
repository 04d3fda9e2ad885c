"""Import a file in two steps: preview it, then accept the preview."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from courses.imports import ChangedMeanwhileError, store
from courses.models import FileImport

from ..body import SHEET_MEGABYTES
from ..figures import count_text
from ..spreadsheets import preview
from ..spreadsheets.plan import Plan, build
from ..spreadsheets.reading import UnusableFileError, read
from ..spreadsheets.resources import KeyedResource

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

#: Before an unknown name: the field of the form that says which one is meant.
_DECISION = "name:"


def import_page(
    request: HttpRequest, resource: KeyedResource, *, title: "StrOrPromise", back: str, years: Sequence[str] = ()
) -> HttpResponse:
    """Show the form, a preview, or the result of the import.

    Args:
        request: The request.
        resource: The table, and the year that the rows are of, if any.
        title: The heading of the page.
        back: The URL name of the list that the rows belong to.
        years: The years that can be chosen.
    """
    context: dict[str, Any] = {"title": title, "back": back, "resource": resource, "megabytes": SHEET_MEGABYTES}
    context["years"] = years
    if request.method != "POST":
        return render(request, "import.html", context)
    try:
        if "token" in request.POST:
            return _accept(request, resource, context)
        return _show(request, resource, build(resource, read(request.FILES.get("file"))), context)
    except UnusableFileError as error:
        return render(request, "import.html", context | {"failure": str(error)}, status=HTTPStatus.BAD_REQUEST)


def _show(
    request: HttpRequest,
    resource: KeyedResource,
    plan: Plan,
    context: dict[str, Any],
    failure: str = "",
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    plan.token = preview.sign(resource, plan, request.user)
    if not plan.token:
        status = max(status, HTTPStatus.BAD_REQUEST)
    return render(request, "import.html", context | {"preview": plan, "failure": failure}, status=status)


def _accept(request: HttpRequest, resource: KeyedResource, context: dict[str, Any]) -> HttpResponse:
    """Store the rows that the preview showed, if all that it asked is answered."""
    sheet, digest = preview.loads(resource, request.POST["token"], request.user)
    decisions = _decisions(request)
    plan = build(resource, sheet, decisions)
    if plan.digest != digest and decisions and build(resource, sheet).digest == digest:
        question = _("Some rows are known in these departments: look at what changes, then import.")
        return _show(request, resource, plan, context, question, HTTPStatus.BAD_REQUEST)
    if plan.digest == digest and (question := _open_question(request, plan)):
        return _show(request, resource, plan, context, question, HTTPStatus.BAD_REQUEST)
    try:
        record = store(resource, plan, digest, request.user)
    except ChangedMeanwhileError as error:
        plan = build(resource, sheet, decisions)
        return _show(request, resource, plan, context, str(error), HTTPStatus.CONFLICT)
    messages.success(request, _summary(record), extra_tags=reverse("imports:take_back", args=[record.pk]))
    year = getattr(resource, "year", "")
    return redirect(reverse(context["back"]) + (f"?{urlencode({'year': year})}" if year else ""))


def _decisions(request: HttpRequest) -> dict[str, str]:
    given = request.POST.items()
    return {name.removeprefix(_DECISION): str(value) for name, value in given if name.startswith(_DECISION)}


def _open_question(request: HttpRequest, plan: Plan) -> str:
    """Return what is still to be answered before anything is stored, or ""."""
    if plan.undecided:
        names = ", ".join(name.text for name in plan.undecided[:5])
        return _("Say which department is meant by %(names)s, or that it is to be created.") % {"names": names}
    if plan.flagged and request.POST.get("confirm") != "yes":
        return _("Confirm the marked changes first: nothing was imported.")
    return ""


def _summary(record: FileImport) -> str:
    return " ".join(
        (
            ngettext("%(n)s row added,", "%(n)s rows added,", record.added) % {"n": count_text(record.added)},
            ngettext("%(n)s changed,", "%(n)s changed,", record.changed) % {"n": count_text(record.changed)},
            ngettext("%(n)s as before.", "%(n)s as before.", record.same) % {"n": count_text(record.same)},
        )
    )
