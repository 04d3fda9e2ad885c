"""Detect whether the open database file was deleted or replaced.

SQLite itself does not notice: its descriptor still leads to the old file.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from migrate_to_pg.i18n import gettext as _


class FileId(NamedTuple):
    """Device and inode of a file."""

    device: int
    inode: int


def file_id(path: Path) -> FileId:
    """Return the file's identity without opening it: closing it again would drop the locks that SQLite has on it."""
    status = path.stat()
    return FileId(status.st_dev, status.st_ino)


def describe_replacement(path: Path, before: FileId) -> str:
    """Describe what became of the file, or return '' where it is still the same."""
    try:
        now = file_id(path)
    except OSError:
        return _("{path} is no longer there.", path=path)
    if now != before:
        return _("Another file was put in the place of {path}.", path=path)
    return ""
