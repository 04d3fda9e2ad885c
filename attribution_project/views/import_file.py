"""Import a file in two steps: preview it, then accept the preview."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..body import SHEET_MEGABYTES
from ..spreadsheets import imports
from ..spreadsheets.resources import KeyedResource

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


def import_page(request: HttpRequest, resource: KeyedResource, *, title: "StrOrPromise", back: str) -> HttpResponse:
    """Show the form, a preview, or the result of the import.

    ``back`` is the URL name of the list that the rows belong to.
    """
    context: dict[str, Any] = {"title": title, "back": back, "resource": resource, "megabytes": SHEET_MEGABYTES}
    if request.method != "POST":
        return render(request, "import.html", context)
    try:
        if "token" in request.POST:
            return _accept(request, resource, context)
        context["preview"] = imports.preview(resource, imports.read(request.FILES.get("file")), request.user)
    except imports.UnusableFileError as error:
        return render(request, "import.html", context | {"failure": str(error)}, status=HTTPStatus.BAD_REQUEST)
    status = HTTPStatus.OK if context["preview"].token else HTTPStatus.BAD_REQUEST
    return render(request, "import.html", context, status=status)


def _accept(request: HttpRequest, resource: KeyedResource, context: dict[str, Any]) -> HttpResponse:
    stored = imports.accept(resource, request.POST["token"], request.user)
    if stored.count("invalid"):
        failure = _("Something was changed since the preview: nothing was imported.")
        answer = context | {"preview": stored, "failure": failure}
        return render(request, "import.html", answer, status=HTTPStatus.CONFLICT)
    messages.success(request, _summary(stored))
    return redirect(context["back"])


def _summary(stored: imports.Preview) -> str:
    new, update, same = (stored.count(kind) for kind in ("new", "update", "skip"))
    return " ".join(
        (
            ngettext("%(n)d row added,", "%(n)d rows added,", new) % {"n": new},
            ngettext("%(n)d changed,", "%(n)d changed,", update) % {"n": update},
            ngettext("%(n)d as before.", "%(n)d as before.", same) % {"n": same},
        )
    )
