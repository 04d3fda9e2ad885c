"""XLSX files that are small and describe much: they are refused before they take the memory."""

import io
import tracemalloc
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from attribution_project.spreadsheets.reading import UnusableFileError, read
from tests.app.test_imports import sheet


def bomb(**parts: str) -> bytes:
    """A workbook with other parts: sheet="<row/>" goes into its first sheet."""
    ours = sheet(["code", "intitule"], ["AGV211", "x"])
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(ours)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            text = old.read(entry).decode()
            for part, added in parts.items():
                if entry.filename.endswith(f"{part}.xml"):
                    end = {"sheet1": "</sheetData>", "styles": "</cellXfs>"}[part]
                    text = text.replace(end, added + end)
            new.writestr(entry.filename, text)
    return file.getvalue()


WIDE = '<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>'


@pytest.mark.parametrize(
    "content",
    [
        bomb(sheet1="".join(WIDE.format(n=n) for n in range(3, 30_000))),
        bomb(sheet1=f'<row r="3">{"<c/>" * 900_000}</row>'),
        bomb(sheet1='<row r="3"><c r="A3" t="inlineStr"><is><t>x</t></is></c></row>' * 100_000),
        bomb(styles="<xf/>" * 900_000),
        bomb(sheet1=f'<row r="3"><c r="A3" t="str"><v>{"x" * 20_000_000}</v></c></row>'),
        bomb(sheet1='<row r="1048576"><c r="A1048576"><v>1</v></c></row>'),
    ],
    ids=["wide rows", "one row of many cells", "many rows", "styles", "one text", "the last row"],
)
def test_a_small_sheet_that_would_be_large_is_stopped_at_a_limit(content: bytes) -> None:
    assert len(content) < 1_000_000
    tracemalloc.start()
    try:
        with pytest.raises(UnusableFileError):
            read(SimpleUploadedFile("x.xlsx", content))
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()
