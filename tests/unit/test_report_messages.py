"""Numbers, durations, sizes, and what importing the report costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from migrate_to_pg.i18n import duration, gettext, pluralize, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.314, "0.31 s"), (9.999, "10.0 s"), (59.97, "1 min 00 s"), (125, "2 min 05 s"), (3_780, "1 h 03 min")],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1_023, "1023 B"), (1_536, "1.5 KiB"), (3 << 30, "3.0 GiB"), (5 << 40, "5.0 TiB")]
)
def test_sizes_read_well(count: int, text: str) -> None:
    assert size(count) == text


def test_one_is_singular_and_numbers_are_grouped() -> None:
    assert [pluralize(n, "row", "rows") for n in (0, 1, 2_070_000)] == ["0 rows", "1 row", "2,070,000 rows"]


def test_a_value_is_never_taken_for_a_template() -> None:
    sentence = "Not equal: {differences} in {tables}."
    assert gettext(sentence, differences="{tables}", tables="{0}") == "Not equal: {tables} in {0}."


def test_importing_the_package_and_its_app_imports_no_rich_and_no_arrow() -> None:
    code = (
        "import sys, migrate_to_pg, migrate_to_pg.apps;"
        "print([m for m in sys.modules if m.split('.')[0] in ('rich', 'pyarrow', 'adbc_driver_manager')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_report_and_the_progress_display_import_no_rich_before_they_draw() -> None:
    code = (
        "import sys, migrate_to_pg.report.to_text, migrate_to_pg.report.progress;"
        "print([m for m in sys.modules if m.split('.')[0] == 'rich'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
