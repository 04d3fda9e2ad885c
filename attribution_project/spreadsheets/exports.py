"""Export a query as a CSV or XLSX file to download."""

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

#: A sheet is made in memory. CSV has no limit.
MAX_SHEET_ROWS = 100_000
#: Rows fetched at a time.
_BATCH_SIZE = 2_000
#: Makes a spreadsheet read the file as UTF-8.
_BYTE_ORDER_MARK = "\ufeff"
#: A spreadsheet may take a cell with such a beginning for a formula.
FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r")


def download(request: HttpRequest, resource: Any, rows: QuerySet[Any], name: str, extension: str) -> HttpResponseBase:
    """Return the file, or 413 if a sheet would have more than MAX_SHEET_ROWS rows.

    A text that could be a formula gets an apostrophe in front. An import removes it again.
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
    """Lines of which the first are already read, so that a failing query fails before the response begins.

    Django closes it with the response, and so closes the cursor.
    """

    def __init__(self, lines: Generator[str]) -> None:
        self._lines = lines
        self._first = list(islice(lines, 3))

    def __iter__(self) -> Iterator[str]:
        """Yield the first lines, then the others."""
        return chain(self._first, self._lines)

    def close(self) -> None:
        """Stop reading."""
        self._lines.close()


class _Echo:
    """A file for csv.writer that returns each line instead of storing it."""

    def write(self, line: str) -> str:
        return line


def _csv(lines: Iterable[list[Any]], incomplete: str) -> Generator[str]:
    writer = csv.writer(_Echo())
    yield _BYTE_ORDER_MARK
    try:
        for line in lines:
            yield writer.writerow(line)
    except Error:
        # The connection is closed before the response ends, but not every proxy and not every program reports that.
        yield writer.writerow([incomplete])
        raise
