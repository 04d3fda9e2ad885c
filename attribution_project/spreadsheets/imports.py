"""Import a CSV or XLSX file: preview it with the faults of each row, then store all of it or nothing.

Between preview and acceptance the form holds the rows, signed. The server keeps nothing, and stores only what the
preview showed.
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import tablib
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import Error
from django.utils.translation import gettext as _
from import_export.formats.base_formats import XLSX
from openpyxl.utils.exceptions import InvalidFileException

from .. import failures
from ..body import SHEET_MEGABYTES, sheet_too_large_message
from .formulas import remove_guards
from .resources import KeyedResource

MAX_ROWS = 5_000
#: The limit of an XLSX file once it is uncompressed.
_MAX_UNCOMPRESSED_BYTES = 50_000_000
ACCEPT_WITHIN_SECONDS = 3600
MAX_ROWS_SHOWN = 200


class UnusableFileError(Exception):
    """The file cannot be read. The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of the file and what it would do."""

    #: Row number in the spreadsheet. The headings are row 1.
    number: int
    #: "new", "update", "skip" or "invalid".
    kind: str
    cells: list[str]
    #: Heading ("" for the whole row) and message.
    faults: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The changes that an import of the file would make."""

    headings: list[str]
    lines: list[Line]
    #: The signed rows, or "" if a row has a fault.
    token: str = ""

    def count(self, kind: str) -> int:
        """Return the number of rows of this kind."""
        return sum(line.kind == kind for line in self.lines)

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of rows of each kind."""
        return {kind: self.count(kind) for kind in ("new", "update", "skip", "invalid")}

    @property
    def shown(self) -> list[Line]:
        """Return at most MAX_ROWS_SHOWN rows in the order of the file, those with faults first."""
        return sorted(self.lines, key=lambda line: (line.kind != "invalid", line.number))[:MAX_ROWS_SHOWN]


def read(upload: "UploadedFile[bytes] | None") -> tablib.Dataset:
    """Return the rows as text, or raise UnusableFileError."""
    if upload is None:
        raise UnusableFileError(_("Choose a file first."))
    if (upload.size or 0) > SHEET_MEGABYTES * 1_000_000:
        raise UnusableFileError(sheet_too_large_message())
    content = upload.read()
    dataset = _read_xlsx(content) if content.startswith(b"PK\x03\x04") else _read_csv(content)
    if not dataset.headers or not len(dataset):
        raise UnusableFileError(_("The file holds no rows below its headings."))
    if len(dataset) > MAX_ROWS:
        raise UnusableFileError(_("The file has more than %(n)d rows: please split it.") % {"n": MAX_ROWS})
    return dataset


def _read_xlsx(content: bytes) -> tablib.Dataset:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MAX_UNCOMPRESSED_BYTES:
                raise UnusableFileError(sheet_too_large_message())
        sheet = XLSX().create_dataset(content)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raise UnusableFileError(_("The file is no XLSX that can be read.")) from error
    return _text_dataset([sheet.headers or [], *sheet], "xlsx")


def _read_csv(content: bytes) -> tablib.Dataset:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # French spreadsheets write it by default.
        try:
            text = content.decode("cp1252")
        except UnicodeDecodeError:
            raise UnusableFileError(_("The file is neither XLSX nor text in UTF-8.")) from None
    if "\x00" in text:
        raise UnusableFileError(_("The file is neither XLSX nor text in UTF-8."))
    first = text.partition("\n")[0]
    delimiter = max(";,\t", key=first.count)
    try:
        return _text_dataset(list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)), "csv")
    except csv.Error as error:
        raise UnusableFileError(_("The file is no CSV that can be read: %(error)s") % {"error": error}) from error


def _text_dataset(rows: list[Any], extension: str) -> tablib.Dataset:
    """Return rows of equal length as text, without the empty rows that a spreadsheet has at the end."""
    texts = [[_text(cell, extension) for cell in row] for row in rows]
    while texts and not any(texts[-1]):
        texts.pop()
    if not texts:
        return tablib.Dataset()
    headings = [heading.strip() for heading in texts[0]]
    width = len(headings)
    for number, row in enumerate(texts[1:], 2):
        if any(row[width:]):
            raise UnusableFileError(_("Row %(n)d has more cells than there are headings.") % {"n": number})
    body = [(row + [""] * width)[:width] for row in texts[1:]]
    return tablib.Dataset(*body, headers=headings)


def _text(cell: Any, extension: str) -> str:
    """Return a cell as text, without the apostrophe that an export puts before a formula."""
    return remove_guards("" if cell is None else str(cell), extension)


def preview(resource: KeyedResource, dataset: tablib.Dataset, user: Any) -> Preview:
    """Try the import and roll it back. The preview has a token if every row can be imported."""
    _check_headings(resource, dataset)
    result = resource.import_data(dataset, dry_run=True, raise_errors=False)
    lines = list(_lines(resource, result, dataset))
    faultless = not any(line.faults for line in lines)
    return Preview(headings=dataset.headers, lines=lines, token=_sign(resource, dataset, user) if faultless else "")


def _check_headings(resource: KeyedResource, dataset: tablib.Dataset) -> None:
    known, given = resource.headings(), dataset.headers
    if strangers := [heading for heading in given if heading not in known]:
        names = {"strange": ", ".join(strangers[:5]), "known": ", ".join(known)}
        raise UnusableFileError(_("Unknown headings: %(strange)s. Known are: %(known)s.") % names)
    if len(set(given)) != len(given):
        raise UnusableFileError(_("A heading occurs twice."))
    if resource.key_heading() not in given:
        raise UnusableFileError(_("The column “%(key)s” is missing.") % {"key": resource.key_heading()})


def _lines(resource: KeyedResource, result: Any, dataset: tablib.Dataset) -> Iterator[Line]:
    headings = {field.attribute: field.column_name for field in resource.get_import_fields()}
    for one in (*result.base_errors, *(one for row in result.error_rows for one in row.errors)):
        if failures.unavailable(one.error):
            raise one.error
    faults = {row.number: _list_faults(row.error, headings) for row in result.invalid_rows}
    faults |= {row.number: [("", str(one.error)) for one in row.errors] for row in result.error_rows}
    if result.base_errors:
        raise UnusableFileError(str(result.base_errors[0].error))
    for number, (row, outcome) in enumerate(zip(dataset, result.rows, strict=True), 1):
        wrong = faults.get(number, [])
        kind = "invalid" if wrong else outcome.import_type
        yield Line(number=number + 1, kind=kind, cells=list(row), faults=wrong)


def _list_faults(error: ValidationError, headings: dict[str, str]) -> list[tuple[str, str]]:
    if not hasattr(error, "error_dict"):
        return [("", message) for message in error.messages]
    names = headings | {"__all__": ""}
    return [(names.get(name, name), text) for name, texts in error.message_dict.items() for text in texts]


def _sign(resource: KeyedResource, dataset: tablib.Dataset, user: Any) -> str:
    rows = [dataset.headers, *(list(row) for row in dataset)]
    return signing.dumps([user.pk, rows], salt=_salt(resource), compress=True)


def _salt(resource: KeyedResource) -> str:
    return f"import.{resource._meta.model._meta.label_lower}"


def accept(resource: KeyedResource, token: str, user: Any) -> Preview:
    """Import the rows of a preview. If one is refused now, nothing is stored and the result has its fault."""
    try:
        owner, (headings, *rows) = signing.loads(token, salt=_salt(resource), max_age=ACCEPT_WITHIN_SECONDS)
    except signing.BadSignature as error:
        raise UnusableFileError(_("This preview is too old: please send the file again.")) from error
    if owner != user.pk:
        raise UnusableFileError(_("This preview is too old: please send the file again."))
    dataset = tablib.Dataset(*rows, headers=headings)
    try:
        result = resource.import_data(
            dataset, dry_run=False, raise_errors=False, use_transactions=True, rollback_on_validation_errors=True
        )
    except Error as error:
        if failures.unavailable(error):
            raise
        raise UnusableFileError(str(error).splitlines()[0]) from error
    return Preview(headings=headings, lines=list(_lines(resource, result, dataset)))
