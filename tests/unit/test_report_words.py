"""The words: numbers, durations, sizes, and what importing them costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import migrate_to_pg
from migrate_to_pg.report.messages import ENGLISH, duration, say, size


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
    assert [say("rows", n=n) for n in (0, 1, 2_070_000)] == ["0 rows", "1 row", "2,070,000 rows"]


def test_a_value_is_never_taken_for_a_template() -> None:
    assert say("unproven", differences="{tables}", tables="{0}") == "Not equal: {tables} in {0}."


def constants(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def test_every_sentence_is_used() -> None:
    package = Path(migrate_to_pg.__path__[0])
    sources = [
        *(p for p in (package / "report").glob("*.py") if p.stem not in ("to_json", "messages")),
    ]
    used = set().union(*map(constants, sources))
    # progress adds _about where an event has something to say.
    assert {key for key in ENGLISH if key.removesuffix("_about") not in used} == set()


def test_importing_the_package_and_its_app_imports_no_rich_and_no_arrow() -> None:
    code = (
        "import sys, migrate_to_pg, migrate_to_pg.apps;"
        "print([m for m in sys.modules if m.split('.')[0] in ('rich', 'pyarrow', 'adbc_driver_manager')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_writing_the_report_imports_no_rich_and_no_django() -> None:
    code = (
        "import sys, migrate_to_pg.report, migrate_to_pg.report.to_text, migrate_to_pg.report.progress;"
        "print([m for m in sys.modules if m.split('.')[0] in ('rich', 'django')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
