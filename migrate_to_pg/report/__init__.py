"""Write report.html and report.json into a directory, readable by their owner alone.

``to_text`` shows a report on a terminal, ``to_html`` on a page, ``to_json`` to programs. ``summary``, ``tables``,
``repairs`` and ``verdict`` are what they have in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from migrate_to_pg.records import Report
from migrate_to_pg.report.to_html import to_html
from migrate_to_pg.report.to_json import dumps
from migrate_to_pg.system.write_file import write_file

__all__ = ["write", "write_files"]

_OWNER_ONLY = 0o700


def write(report: Report, directory: Path) -> tuple[Path, Path]:
    """Write both files, each of them completely or not at all. They hold values from the database."""
    page, data = directory / "report.html", directory / "report.json"
    write_files(directory, {page: to_html(report), data: dumps(report)})
    return page, data


def write_files(directory: Path, texts: Mapping[Path, str]) -> None:
    """Write files into a directory, which is made where it is missing, for their owner alone."""
    for parent in (*reversed(directory.parents), directory):
        parent.mkdir(mode=_OWNER_ONLY, exist_ok=True)
    for path, text in texts.items():
        write_file(path, text)
