"""Find the directories of runs that published nothing, for --purge, and remove them as they were listed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import size
from migrate_to_pg.records import TargetFacts
from migrate_to_pg.system.workdir import is_running, reports_directory

#: The names that runs give their directories, with the time at which they began, and the files in them.
_RUN = re.compile(r"(\d{8}-\d{6})(?:-\d+)?")
_OURS = re.compile(
    r"report\.(?:html|json)|run\.log|(?:snapshot|journal)\.sqlite3(?:\.sha256)?"
    r"|(?:snapshot|working_copy|journal|leftovers)\.sqlite3\.(?P<process>\d+)\.unfinished(?:-journal|-wal|-shm)?"
)
#: Seconds after which a directory without a report is that of a run that was killed.
_ABANDONED = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class DoomedReport:
    """A directory as it was when it was listed. With another file or another content it is not the same one."""

    path: Path
    mode: str
    #: Name, inode, size and time of change.
    files: tuple[tuple[str, int, int, int], ...]

    @property
    def label(self) -> str:
        """Return the line that a person agrees to."""
        total = sum(size for _name, _inode, size, _changed in self.files)
        what = self.mode or _("ended early")
        return _("report {path} ({what}, {size})", path=self.path, what=what, size=size(total))

    def remove(self) -> None:
        """Remove the directory."""
        for name, *_status in self.files:
            (self.path / name).unlink()
        self.path.rmdir()


def unpublished_reports(target: TargetFacts) -> list[DoomedReport]:
    """List the directories of runs against this target, and of runs without one, from the oldest on."""
    try:
        paths = sorted(path for path in reports_directory().iterdir() if _RUN.fullmatch(path.name))
    except OSError:
        return []
    return [found for path in paths if (found := as_listed(path, target))]


def as_listed(path: Path, target: TargetFacts) -> DoomedReport | None:
    """Return that directory as it is now, or None if it must stay.

    It stays if its run published or may still be running, or if somebody has put a file there.
    """
    with contextlib.suppress(OSError):
        files = tuple(_files(path))
        try:
            found = json.loads((path / "report.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            report = {}
        else:
            report = found if isinstance(found, dict) else {}
        # All files are a run's, and none of a run that is still running.
        known = [_OURS.fullmatch(name) for name, *_status in files]
        processes = [found["process"] for found in known if found and found["process"]]
        is_of_a_run = all(known) and not any(is_running(int(process)) for process in processes)
        if is_of_a_run and _published_nothing(report, target, path, {name for name, *_status in files}):
            return DoomedReport(path=path, mode=str(report.get("mode", "")).replace("_", "-"), files=files)
    return None


def _files(path: Path) -> Iterator[tuple[str, int, int, int]]:
    if not stat.S_ISDIR(path.lstat().st_mode):
        raise NotADirectoryError(path)
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        status = entry.stat(follow_symlinks=False)
        name = entry.name if stat.S_ISREG(status.st_mode) else ""
        yield name, status.st_ino, status.st_size, status.st_mtime_ns


def _published_nothing(report: dict[str, Any], target: TargetFacts, path: Path, names: set[str]) -> bool:
    if "mode" not in report:
        started = datetime.strptime(_RUN.fullmatch(path.name)[1], "%Y%m%d-%H%M%S").astimezone()  # type: ignore[index]
        return time.time() - started.timestamp() > _ABANDONED and "snapshot.sqlite3" not in names
    if report.get("publication") or (report["mode"] == "publish" and report.get("ok")):
        return False
    if "snapshot.sqlite3" in names and not report.get("ok"):
        # Kept because the source was gone: it may be the only copy that is left.
        return False
    of_target = report.get("target")
    return not of_target or (of_target.get("url"), of_target.get("schema")) == (target.url, target.schema)
