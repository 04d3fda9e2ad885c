"""Read the rows of an XLSX file with bounded memory.

A file of a few kilobytes may describe millions of cells, styles or texts. expat counts all of them before openpyxl
makes objects, and openpyxl reads row by row.
"""

import io
import zipfile
from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

#: Of all parts together, once they are uncompressed. 5,000 courses take 3 MB.
_MAX_UNCOMPRESSED_BYTES = 15_000_000
#: Sheets have empty rows below the last one, which were formatted once.
_MAX_ROW_ELEMENTS = 20_000
_MAX_ELEMENTS_IN_A_ROW = 1_000
#: Shared texts: each is an element or two.
_MAX_TEXT_ELEMENTS = 200_000
#: Styles, names, merged cells: openpyxl makes an object of each.
_MAX_OTHER_ELEMENTS = 20_000
_CHUNK_SIZE = 65_536


class UnreadableError(Exception):
    """The file is no XLSX."""


class TooLargeError(Exception):
    """The file would take too much memory."""


def rows_of(content: bytes) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of the active sheet, those without cells as empty tuples."""
    try:
        _check_size(content)
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book.active
        if not hasattr(sheet, "reset_dimensions"):  # a sheet with a chart alone
            raise UnreadableError
        # The file's own word would make each row as wide as it says.
        sheet.reset_dimensions()
        for number, row in enumerate(sheet.iter_rows(values_only=True)):
            if number > _MAX_ROW_ELEMENTS:
                raise TooLargeError
            yield row
    except (
        *(zipfile.BadZipFile, InvalidFileException, expat.ExpatError, SyntaxError),
        *(KeyError, ValueError, TypeError, AttributeError, IndexError, OSError, EOFError, NotImplementedError),
    ) as error:
        # openpyxl raises any of these for a file that is not what its specification says.
        raise UnreadableError from error


def _check_size(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        # zipfile reads no more than the directory says, whatever follows.
        if sum(entry.file_size for entry in entries) > _MAX_UNCOMPRESSED_BYTES:
            raise TooLargeError
        for entry in entries:
            _Counter().read(archive, entry)


class _Counter:
    """Count the elements of one part of the file, and stop at the limits."""

    def __init__(self) -> None:
        self._rows = self._in_row = self._texts = self._others = 0
        self._inside_row = False

    def read(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
        """Read the part if it is XML. Raise TooLargeError at a limit."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._refuse
        with archive.open(entry) as part:
            try:
                while chunk := part.read(_CHUNK_SIZE):
                    parser.Parse(chunk, False)
            except expat.ExpatError:
                return  # a picture; or openpyxl fails at the same place

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if local == "row":
            self._rows += 1
            self._in_row = 0
            self._inside_row = True
        elif self._inside_row:
            self._in_row += 1
        elif local in ("si", "t", "r", "rPr"):
            self._texts += 1
        else:
            self._others += 1
        if (
            self._rows > _MAX_ROW_ELEMENTS
            or self._in_row > _MAX_ELEMENTS_IN_A_ROW
            or self._texts > _MAX_TEXT_ELEMENTS
            or self._others > _MAX_OTHER_ELEMENTS
        ):
            raise TooLargeError

    def _end(self, name: str) -> None:
        if name.rpartition(" ")[2] == "row":
            self._inside_row = False

    def _refuse(self, *declaration: Any) -> None:
        raise TooLargeError  # entities are the other way to become large; no program writes them
