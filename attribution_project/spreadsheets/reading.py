"""Read a CSV or XLSX file as rows of text."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..accent_search import without_accents
from ..body import SHEET_MEGABYTES, sheet_too_large_message
from ..figures import count_text
from . import text_encoding, xlsx_file
from .formulas import remove_guards

MAX_ROWS = 5_000
#: One text of an XLSX file may be that of many cells.
_MAX_CHARACTERS = 2 * SHEET_MEGABYTES * 1_000_000
#: The first cell of a line of totals.
_TOTAL = re.compile(r"(sous[ -]?)?(total|totaux)\b|somme\b|sum\b|subtotal\b")
#: The first line of a CSV that some spreadsheets write.
_SEPARATOR_LINE = re.compile(r"\s*\"?sep=(.)\"?\s*\r?\n", re.IGNORECASE)


class UnusableFileError(Exception):
    """The file cannot be read. The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The rows of a file as text, each with its number in the spreadsheet."""

    name: str
    #: XLSX, or the encoding of the text.
    encoding: str
    headings: list[str]
    rows: list[tuple[int, list[str]]]
    #: What was skipped.
    notes: list[str] = field(default_factory=list)


def read(upload: "UploadedFile[bytes] | None") -> Sheet:
    """Return the rows, or raise UnusableFileError."""
    if upload is None:
        raise UnusableFileError(_("Choose a file first."))
    if (upload.size or 0) > SHEET_MEGABYTES * 1_000_000:
        raise UnusableFileError(sheet_too_large_message())
    content = upload.read()
    name = (upload.name or "")[-100:]
    if content.startswith(b"PK\x03\x04"):
        return _sheet(name, "XLSX", _numbered(_rows_of_xlsx(content)))
    try:
        text, encoding = text_encoding.decode(content)
    except text_encoding.UnknownEncodingError:
        raise UnusableFileError(_("The file is neither XLSX nor text that can be read.")) from None
    return _sheet(name, encoding, _rows_of_csv(text))


def _rows_of_xlsx(content: bytes) -> Iterator[list[str]]:
    try:
        for row in xlsx_file.rows_of(content):
            yield ["" if cell is None else remove_guards(str(cell), "xlsx").strip() for cell in row]
    except xlsx_file.TooLargeError:
        raise UnusableFileError(_("The file has too many rows, columns or styles: please split it.")) from None
    except xlsx_file.UnreadableError as error:
        raise UnusableFileError(_("The file is no XLSX that can be read.")) from error


def _numbered(rows: Iterable[list[str]], first: int = 1) -> Iterator[tuple[int, list[str]]]:
    return enumerate(rows, first)


def _rows_of_csv(text: str) -> Iterator[tuple[int, list[str]]]:
    declared = _SEPARATOR_LINE.match(text)
    if declared:
        text = text[declared.end() :]
    first = text.lstrip().partition("\n")[0]
    separator = declared[1] if declared else max(";,\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        rows = ([remove_guards(cell, "csv").strip() for cell in row] for row in reader)
        yield from _numbered(rows, 2 if declared else 1)
    except csv.Error as error:
        told = {"n": reader.line_num + bool(declared), "error": error}
        raise UnusableFileError(_("Line %(n)d of the file is no CSV that can be read: %(error)s.") % told) from error


def _sheet(name: str, encoding: str, rows: Iterator[tuple[int, list[str]]]) -> Sheet:
    filled = _bounded(rows)
    first, headings = next(filled, (0, []))
    while headings and not headings[-1]:
        headings.pop()
    kept: list[tuple[int, list[str]]] = []
    totals: list[int] = []
    for number, row in filled:
        if any(row[len(headings) :]):
            raise UnusableFileError(_("Row %(n)d has more cells than there are headings.") % {"n": number})
        cells = (row + [""] * len(headings))[: len(headings)]
        if _is_total(cells):
            totals.append(number)
        else:
            kept.append((number, cells))
    if not kept:
        raise UnusableFileError(_("The file holds no rows below its headings."))
    return Sheet(name=name, encoding=encoding, headings=headings, rows=kept, notes=_notes(first, kept, totals))


def _bounded(rows: Iterator[tuple[int, list[Any]]]) -> Iterator[tuple[int, list[Any]]]:
    """Yield the rows that hold anything, and stop at the limits."""
    count = characters = 0
    for number, row in rows:
        if not any(row):
            continue
        count += 1
        characters += sum(map(len, row))
        if count > MAX_ROWS + 1:
            raise UnusableFileError(
                _("The file has more than %(n)s rows: please split it.") % {"n": count_text(MAX_ROWS)}
            )
        if characters > _MAX_CHARACTERS:
            raise UnusableFileError(sheet_too_large_message())
        yield number, row


def _is_total(cells: list[str]) -> bool:
    """Return whether the row sums up others: its first text says so, and few cells have any text."""
    filled = [cell for cell in cells if cell]
    return bool(_TOTAL.match(without_accents(filled[0]))) and all(not cell[:1].isalpha() for cell in filled[1:])


def _notes(first: int, kept: list[tuple[int, list[str]]], totals: list[int]) -> list[str]:
    notes = []
    if totals:
        numbers = ", ".join(map(str, totals[:10]))
        sentence = ngettext(
            "Row %(rows)s was skipped: it holds a total.", "Rows %(rows)s were skipped: they hold totals.", len(totals)
        )
        notes.append(sentence % {"rows": numbers})
    last = max(kept[-1][0], *totals, 0)
    blank = last - first - len(kept) - len(totals)
    if blank > 0:
        sentence = ngettext("%(n)s empty row was skipped.", "%(n)s empty rows were skipped.", blank)
        notes.append(sentence % {"n": count_text(blank)})
    return notes
