"""Show what was imported, and take an import back."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from attributions.resources import TeacherResource
from attributions.share_resource import AttributionResource
from courses.imports import CannotTakeBackError, take_back
from courses.models import FileImport
from courses.resources import CourseResource

from ..permissions import may_import, requires_import
from ..sortable_list import PAGE_SIZE
from ..spreadsheets.plan import shown_value
from ..spreadsheets.resources import KeyedResource

_RESOURCES: dict[str, Callable[[FileImport], KeyedResource]] = {
    FileImport.Table.COURSES: lambda record: CourseResource(record.academic_year),
    FileImport.Table.TEACHERS: lambda record: TeacherResource(),
    FileImport.Table.ATTRIBUTIONS: lambda record: AttributionResource(),
}
#: The changed rows that the page of an import shows.
_MAX_SHOWN = 200


@requires_import(*_RESOURCES)
@require_safe
def imports(request: HttpRequest) -> HttpResponse:
    """Show the imports, the newest first."""
    mine = [table for table in _RESOURCES if may_import(request.user, table)]
    found = FileImport.objects.filter(table__in=mine).defer("changes").select_related("made_by", "taken_back_by")
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    pages = list(page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1))
    return render(request, "imports.html", {"page": page, "pages": pages})


@requires_import(*_RESOURCES)
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the rows that an import changed, old and new."""
    record = _find(request, pk)
    resource = _RESOURCES[record.table](record)
    headings = {column.attribute: column for column in resource.get_import_fields()}
    rows = [
        (key, [(headings[name], pair) for name, pair in changes.items() if name in headings])
        for key, changes in list(record.changes.items())[:_MAX_SHOWN]
    ]
    context: dict[str, Any] = {
        "record": record,
        "rows": [
            (key, all(old is None for _column, (old, _new) in cells), _cells(resource, cells)) for key, cells in rows
        ],
        "all": len(record.changes),
    }
    return render(request, "import_detail.html", context)


def _cells(resource: KeyedResource, cells: list[Any]) -> list[tuple[str, str, str]]:
    """Return heading, old and new value of each changed cell, as an export would write them."""
    shown = []
    for column, pair in cells:
        to_python = resource.model_field(column.attribute).to_python
        old, new = (shown_value(None if text is None else column.widget.render(to_python(text))) for text in pair)
        shown.append((column.column_name, old, new))
    return shown


@requires_import(*_RESOURCES)
@require_POST
def take_back_import(request: HttpRequest, pk: int) -> HttpResponse:
    """Restore what the import changed, all of it or nothing."""
    record = _find(request, pk)
    try:
        take_back(_RESOURCES[record.table](record), record.pk, request.user)
    except CannotTakeBackError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The import of %(file)s is taken back.") % {"file": record.file_name})
    return redirect("imports:detail", pk=record.pk)


def _find(request: HttpRequest, pk: int) -> FileImport:
    record = get_object_or_404(FileImport.objects.select_related("made_by", "taken_back_by"), pk=pk)
    if not may_import(request.user, record.table):
        raise PermissionDenied
    return record
