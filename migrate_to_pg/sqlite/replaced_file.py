"""A file that SQLite has open in; out, in a sentence, what other hands than SQLite's made of it since.

SQLite itself notices none of it: its descriptor still leads to the file that was deleted or replaced.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from migrate_to_pg.i18n import gettext as _


class FileId(NamedTuple):
    """Which file it is."""

    device: int
    inode: int


def file_id(path: Path) -> FileId:
    """The file's as it is now. Not by opening it: closing it again would drop the locks that SQLite has on it."""
    status = path.stat()
    return FileId(status.st_dev, status.st_ino)


def describe_replacement(path: Path, before: FileId) -> str:
    """'' where it is still that file."""
    try:
        now = file_id(path)
    except OSError:
        return _("{path} is no longer there.", path=path)
    if now != before:
        return _("Another file was put in the place of {path}.", path=path)
    return ""
