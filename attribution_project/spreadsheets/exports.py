"""Export a query as a CSV or XLSX file to download."""

import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from itertools import chain, islice
from typing import Any

import tablib
from django.db import Error
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.formats import get_format
from django.utils.translation import gettext as _
from import_export.formats.base_formats import XLSX

from .formulas import guard

#: A sheet is made in memory. CSV has no limit.
MAX_SHEET_ROWS = 100_000
#: Rows fetched at a time.
_BATCH_SIZE = 2_000
#: Makes a spreadsheet read the file as UTF-8.
_BYTE_ORDER_MARK = "\ufeff"
#: Quoted whatever the separator is: a reader may take another one.
_TO_BE_QUOTED = re.compile('[;,\t"\r\n]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How spreadsheets of a language write CSV: French ones separate by semicolons, because 36,50 has a comma."""

    separator: str
    decimal_separator: str

    @classmethod
    def of_language(cls) -> "Dialect":
        """Return the dialect of the active language."""
        sign = str(get_format("DECIMAL_SEPARATOR"))
        return cls(separator=";" if sign == "," else ",", decimal_separator=sign)

    def line(self, cells: Iterable[Any]) -> str:
        """Return one line of the file."""
        return self.separator.join(self._written(cell) for cell in cells) + "\r\n"

    def _written(self, cell: Any) -> str:
        if isinstance(cell, Decimal):
            return str(cell).replace(".", self.decimal_separator)
        text = "" if cell is None else str(cell)
        return '"{}"'.format(text.replace('"', '""')) if _TO_BE_QUOTED.search(text) else text


def download(request: HttpRequest, resource: Any, rows: QuerySet[Any], name: str, extension: str) -> HttpResponseBase:
    """Return the file, or 413 if a sheet would have more than MAX_SHEET_ROWS rows.

    A text that could be a formula gets an apostrophe in front. An import removes it again.
    """
    lines = _lines(resource, rows, extension)
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


def _lines(resource: Any, rows: QuerySet[Any], extension: str) -> Iterator[list[Any]]:
    yield [field.column_name for field in resource.get_export_fields()]
    for row in rows.iterator(chunk_size=_BATCH_SIZE):
        cells = resource.export_resource(row)
        yield [guard(cell, extension) if isinstance(cell, str) else cell for cell in cells]


class _StartedLines:
    """Lines of which the first are already read, so that a failing query fails before the response begins.

    Django closes it with the response, and so closes the cursor.
    """

    def __init__(self, lines: Generator[str]) -> None:
        self._lines = lines
        self._language = translation.get_language()
        self._first = list(islice(lines, 3))

    def __iter__(self) -> Iterator[str]:
        """Yield the first lines, then the others, in the language of the request, which has ended by then."""
        return chain(self._first, iter(self._next, None))

    def _next(self) -> str | None:
        with translation.override(self._language):
            return next(self._lines, None)

    def close(self) -> None:
        """Stop reading."""
        self._lines.close()


def _csv(lines: Iterable[list[Any]], incomplete: str) -> Generator[str]:
    dialect = Dialect.of_language()
    yield _BYTE_ORDER_MARK
    try:
        for line in lines:
            yield dialect.line(line)
    except Error:
        # The connection is closed before the response ends, but not every proxy and not every program reports that.
        yield dialect.line([incomplete])
        raise
