"""A django-import-export resource and a query in, a CSV or XLSX file to download out."""

import csv
from collections.abc import Generator, Iterable, Iterator
from http import HTTPStatus
from itertools import chain, islice
from typing import Any

import tablib
from django.db import Error
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from import_export.formats.base_formats import XLSX

#: A sheet is made in memory; CSV has no limit.
MAX_SHEET_ROWS = 100_000
#: Rows fetched at a time.
_BATCH_SIZE = 2_000
#: So that a spreadsheet knows the file for UTF-8.
_BYTE_ORDER_MARK = "\ufeff"
#: A cell that begins with one of these may be a formula to whoever opens the file.
FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r")


def download(request: HttpRequest, resource: Any, rows: QuerySet[Any], name: str, extension: str) -> HttpResponseBase:
    """Return the file; 413 where a sheet would have more than MOST_SHEET_ROWS rows.

    A text that could be a formula gets an apostrophe in front, which an import takes away again.
    """
    lines = _lines(resource, rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}-{timezone.localdate().isoformat()}.{extension}"'}
    if extension == "csv":
        content = _csv(lines, _("INCOMPLETE: the database did not answer any more. Please export again."))
        return StreamingHttpResponse(_StartedLines(content), content_type="text/csv; charset=utf-8", headers=headers)
    if rows.count() > MAX_SHEET_ROWS:
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return render(request, "too_large.html", {"most": MAX_SHEET_ROWS}, status=status)
    headings, *body = lines
    content = XLSX().export_data(tablib.Dataset(*body, headers=headings))
    return HttpResponse(content, content_type=XLSX().get_content_type(), headers=headers)


def _lines(resource: Any, rows: QuerySet[Any]) -> Iterator[list[Any]]:
    yield [field.column_name for field in resource.get_export_fields()]
    for row in rows.iterator(chunk_size=_BATCH_SIZE):
        yield [_escape_formula(cell) for cell in resource.export_resource(row)]


def _escape_formula(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_PREFIXES) else cell


class _StartedLines:
    """Lines of which the first are there already: the database is asked before the answer begins.

    Where it is away, that is what is answered. Django closes it with the answer, and so the cursor behind it.
    """

    def __init__(self, lines: Generator[str]) -> None:
        self._lines = lines
        self._first = list(islice(lines, 3))

    def __iter__(self) -> Iterator[str]:
        """Give the first ones, then the others."""
        return chain(self._first, self._lines)

    def close(self) -> None:
        """Leave the others where they are."""
        self._lines.close()


class _Echo:
    """What csv writes to, handed on instead of kept."""

    def write(self, line: str) -> str:
        return line


def _csv(lines: Iterable[list[Any]], incomplete: str) -> Generator[str]:
    writer = csv.writer(_Echo())
    yield _BYTE_ORDER_MARK
    try:
        for line in lines:
            yield writer.writerow(line)
    except Error:
        # The connection is closed before the answer ends, which not every proxy and not every program hands on.
        yield writer.writerow([incomplete])
        raise
