"""Where a run keeps its files: a private directory with the snapshot and the report.

In: the directory that was asked for, or none. Out: paths in it. A snapshot holds everything the application knows:
directory and file are their owner's alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import size
from migrate_to_pg.system.clock import now
from migrate_to_pg.system.paths import base_directory

#: Below BASE_DIR.
REPORTS = Path("migrate_to_pg_report")
_SNAPSHOT = "snapshot.sqlite3"
_WORKING_COPY = "working_copy.sqlite3"
_JOURNAL = "journal.sqlite3"
#: What every SQLite database begins with, and the sum of one.
_SQLITE = re.compile(rb"SQLite format 3\0")
_SUM = re.compile(rb"[0-9a-f]{64} [ *]")
_LEFTOVERS = "leftovers.sqlite3"
#: Keeps the reports out of the project's version control.
_IGNORED = ".gitignore"
#: A directory for another program that works for a run: its password file, its log.
_CHILD = "child"


class WorkDirectory:
    """One run's directory."""

    def __init__(self, directory: Path | None) -> None:
        wanted = (directory or reports_directory()).absolute()
        #: What was not there before, from the innermost on.
        self._new = [path for path in (wanted, *wanted.parents) if not path.exists()]
        try:
            if directory is None:
                self.directory = _fresh_directory().absolute()
            else:
                self.directory = directory.absolute()
                self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sweep(self.directory.parent)
        except OSError as error:
            raise UsageError(
                _(
                    "The report cannot be put into {directory}: {strerror}.",
                    directory=directory or reports_directory(),
                    strerror=error.strerror,
                ),
                remedy=_("Name a directory that can be written to: --report DIR."),
            ) from error

    @property
    def unfinished(self) -> Path:
        """The snapshot while the run goes on; its name says whose it is, so that a killed run's can be told."""
        return self._unfinished(_SNAPSHOT)

    @property
    def snapshot(self) -> Path:
        """The snapshot of a published run: the backup."""
        return self.directory / _SNAPSHOT

    @property
    def working_copy(self) -> Path:
        """The snapshot with the accepted repairs made; it goes with the run."""
        return self._unfinished(_WORKING_COPY)

    @property
    def unfinished_journal(self) -> Path:
        """The record of the repairs while the run goes on."""
        return self._unfinished(_JOURNAL)

    @property
    def trial_copy(self) -> Path:
        """A copy on which is counted what quarantine would leave out."""
        return self.working_copy.with_suffix(".unfinished-trial")

    @property
    def trial_journal(self) -> Path:
        """The record of that trial."""
        return self.unfinished_journal.with_suffix(".unfinished-trial")

    @property
    def leftovers(self) -> Path:
        """What no migration knows, as it is carried; it goes with the run."""
        return self._unfinished(_LEFTOVERS)

    @property
    def child(self) -> Path:
        """A directory for another program's files, which goes with it."""
        return self._unfinished(_CHILD)

    def _unfinished(self, name: str) -> Path:
        return self.directory / f"{name}.{os.getpid()}.unfinished"

    def discard(self) -> None:
        """Remove the directory of a run that was refused, and those above it that were made for it."""
        made = [self.directory] if self.directory.parent == reports_directory().absolute() else []
        with contextlib.suppress(OSError):
            for path in (*made, *self._new):
                if {found.name for found in path.iterdir()} == {_IGNORED}:
                    (path / _IGNORED).unlink()
                path.rmdir()

    def require_no_snapshot(self) -> None:
        """UsageError where an earlier run kept its snapshot here: it is a backup, and its record lies beside it."""
        if self.snapshot.exists():
            raise UsageError(
                _(
                    "{snapshot} is the snapshot that an earlier run kept; this one would put its own there.",
                    snapshot=self.snapshot,
                ),
                remedy=_("Name another directory with --report, or move that one away first."),
            )

    def keep_snapshot(self, sha256: str) -> Path:
        """Give the snapshot its lasting name; another one where that is taken: nothing kept is written over.

        Its sum is kept beside it: whoever comes back to it can tell whether it is what it was.
        """
        taken = self.snapshot.exists()
        kept = self.unfinished.replace(self._unfinished("snapshot").with_suffix(".sqlite3") if taken else self.snapshot)
        # A disk that is full by now must not make the snapshot look lost.
        with contextlib.suppress(OSError):
            recorded_sum(kept).touch(mode=0o600)
            recorded_sum(kept).write_text(f"{sha256}  {kept.name}\n", encoding="utf-8")
        return kept

    def keep_journal(self) -> Path:
        """Give the record of the repairs its lasting name."""
        return self.unfinished_journal.replace(self.directory / _JOURNAL)

    def drop_unfinished(self) -> None:
        """Remove what was not kept."""
        for path in (self.unfinished, self.working_copy, self.unfinished_journal, self.leftovers):
            # The directory itself may be a file by now.
            with contextlib.suppress(OSError):
                path.unlink()


def is_recorded_snapshot(path: Path) -> bool:
    """Whether a file is what a published run kept: by the name that it gives its snapshot, nobody writing to it."""
    return path.name == _SNAPSHOT and not path.with_name(f"{_SNAPSHOT}-wal").exists()


def recorded_journal(snapshot: Path) -> Path | None:
    """The record of the repairs that was kept beside a snapshot."""
    path = snapshot.with_name(_JOURNAL)
    return path if snapshot.name == _SNAPSHOT and path.is_file() else None


def recorded_sum(snapshot: Path) -> Path:
    """Where the SHA-256 of a kept snapshot is, as ``sha256sum --check`` reads it."""
    return snapshot.with_name(f"{snapshot.name}.sha256")


def recorded_snapshots(remembered: Iterable[str]) -> list[Path]:
    """The snapshots that a target remembers, whether they are still there or not, and the journals beside them.

    It is believed only where the file has the name that a run gives its snapshot. Snapshots of what was moved to
    another database are none of its business.
    """
    snapshots = {Path(path) for path in remembered if Path(path).name == _SNAPSHOT and Path(path).is_absolute()}
    return sorted(path.with_name(name) for path in snapshots for name in (_SNAPSHOT, _JOURNAL, recorded_sum(path).name))


@dataclass(frozen=True, slots=True, kw_only=True)
class DoomedFile:
    """A kept file as it was when it was listed: another one of its name is not it."""

    path: Path
    device: int
    inode: int
    size: int
    sha256: str

    @property
    def label(self) -> str:
        """The line that a person agrees to."""
        return f"{self.path.name.partition('.')[0]} {self.path} ({size(self.size)})"


def as_it_is(path: Path) -> DoomedFile | None:
    """What that file is now; None where there is none such as a run keeps, or nobody may look."""
    try:
        # Not what a link leads to, and without waiting for whoever writes to a FIFO.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            begins = _SUM if path.suffix == recorded_sum(path).suffix else _SQLITE
            if not stat.S_ISREG(status.st_mode) or not begins.match(file.read(100)):
                return None
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return None
    return DoomedFile(path=path, device=status.st_dev, inode=status.st_ino, size=status.st_size, sha256=sha256)


def reports_directory() -> Path:
    """Where the project's reports go by themselves."""
    return base_directory() / REPORTS


def make_reports_directory() -> Path:
    """The same, made where it is not there yet."""
    directory = reports_directory()
    directory.mkdir(mode=0o700, exist_ok=True)
    ignore = directory / _IGNORED
    if not ignore.exists():
        ignore.write_text("*\n")
    return directory


def _fresh_directory() -> Path:
    """A directory that no other run has, although two may begin in the same second."""
    parent = make_reports_directory()
    name = f"{now():%Y%m%d-%H%M%S}"
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(path for path in (parent / name for name in names) if _is_made(path))


def _is_made(path: Path) -> bool:
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return False
    return True


def _sweep(parent: Path) -> None:
    """Remove the copies of runs that were killed, with the journals that SQLite may have left beside them."""
    for name in (_SNAPSHOT, _WORKING_COPY, _JOURNAL, _LEFTOVERS, _CHILD):
        for path in parent.glob(f"*/{name}.*.unfinished*"):
            pid = path.name.removeprefix(f"{name}.").split(".")[0]
            if pid.isdigit() and not is_running(int(pid)):
                _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def is_running(pid: int) -> bool:
    """Whether a process of that number is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
