"""The private directory of a run, with its snapshot, journal and report.

A snapshot holds everything that the application knows, so only their owner can read the directory and the files.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import size
from migrate_to_pg.system.clock import now

#: Below BASE_DIR.
REPORTS = Path("migrate_to_pg_report")
_SNAPSHOT = "snapshot.sqlite3"
_WORKING_COPY = "working_copy.sqlite3"
_JOURNAL = "journal.sqlite3"
#: First bytes of every SQLite database, and of a checksum file.
_SQLITE = re.compile(rb"SQLite format 3\0")
_CHECKSUM = re.compile(rb"[0-9a-f]{64} [ *]")
_LEFTOVERS = "leftovers.sqlite3"
_QUARANTINE = "quarantine.sqlite3"
#: Keeps the reports out of the project's version control.
_IGNORED = ".gitignore"
#: Directory of a child process: its password file, its log.
_CHILD = "child"


class WorkDirectory:
    """The directory of one run."""

    def __init__(self, directory: Path | None) -> None:
        wanted = (directory or reports_directory()).absolute()
        #: Directories that this run makes, from the innermost on.
        self._new = [path for path in (wanted, *wanted.parents) if not path.exists()]
        try:
            if directory is None:
                self.directory = _fresh_directory().absolute()
            else:
                self.directory = directory.absolute()
                self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _remove_stale(self.directory.parent)
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
        """The snapshot during the run. Its name has the process's number, so that a killed run's can be removed."""
        return self._unfinished(_SNAPSHOT)

    @property
    def snapshot(self) -> Path:
        """The snapshot of a published run: the backup."""
        return self.directory / _SNAPSHOT

    @property
    def working_copy(self) -> Path:
        """The snapshot with the accepted repairs, removed with the run."""
        return self._unfinished(_WORKING_COPY)

    @property
    def unfinished_journal(self) -> Path:
        """The journal of the repairs during the run."""
        return self._unfinished(_JOURNAL)

    @property
    def trial_copy(self) -> Path:
        """A copy for counting the rows that quarantine would leave out."""
        return self.working_copy.with_suffix(".unfinished-trial")

    @property
    def trial_journal(self) -> Path:
        """The journal of that trial."""
        return self.unfinished_journal.with_suffix(".unfinished-trial")

    @property
    def leftovers(self) -> Path:
        """The leftovers as they are loaded, removed with the run."""
        return self._unfinished(_LEFTOVERS)

    @property
    def quarantine(self) -> Path:
        """The rows that a move back leaves out. They stay there."""
        return self.directory / _QUARANTINE

    @property
    def child(self) -> Path:
        """A directory for another program's files, removed with it."""
        return self._unfinished(_CHILD)

    def _unfinished(self, name: str) -> Path:
        return self.directory / f"{name}.{os.getpid()}.unfinished"

    def discard(self) -> None:
        """Remove the directory of a refused run, and the parents that were made for it."""
        made = [self.directory] if self.directory.parent == reports_directory().absolute() else []
        with contextlib.suppress(OSError):
            for path in (*made, *self._new):
                if {found.name for found in path.iterdir()} == {_IGNORED}:
                    (path / _IGNORED).unlink()
                path.rmdir()

    def require_no_snapshot(self) -> None:
        """Raise UsageError where an earlier run kept its snapshot, a backup, in this directory."""
        if self.snapshot.exists():
            raise UsageError(
                _(
                    "{snapshot} is the snapshot that an earlier run kept; this one would put its own there.",
                    snapshot=self.snapshot,
                ),
                remedy=_("Name another directory with --report, or move that one away first."),
            )

    def keep_snapshot(self, sha256: str) -> Path:
        """Give the snapshot its permanent name, or another one where that is taken: nothing kept is overwritten.

        Its checksum is kept beside it, so that a later run can check it.
        """
        taken = self.snapshot.exists()
        kept = self.unfinished.replace(self._unfinished("snapshot").with_suffix(".sqlite3") if taken else self.snapshot)
        # A full disk must not make the snapshot seem lost.
        with contextlib.suppress(OSError):
            checksum_file(kept).touch(mode=0o600)
            checksum_file(kept).write_text(f"{sha256}  {kept.name}\n", encoding="utf-8")
        return kept

    def keep_journal(self) -> Path:
        """Give the journal of the repairs its permanent name."""
        return self.unfinished_journal.replace(self.directory / _JOURNAL)

    def drop_unfinished(self) -> None:
        """Remove the files that were not kept."""
        for path in (self.unfinished, self.working_copy, self.unfinished_journal, self.leftovers):
            # The directory itself may be a file by now.
            with contextlib.suppress(OSError):
                path.unlink()


def is_recorded_snapshot(path: Path) -> bool:
    """Report whether a file is a published run's snapshot, by its name, and nobody writes to it."""
    return path.name == _SNAPSHOT and not path.with_name(f"{_SNAPSHOT}-wal").exists()


def recorded_journal(snapshot: Path) -> Path | None:
    """Return the journal that was kept beside a snapshot, if any."""
    path = snapshot.with_name(_JOURNAL)
    return path if snapshot.name == _SNAPSHOT and path.is_file() else None


def checksum_file(snapshot: Path) -> Path:
    """Return the path of a kept snapshot's SHA-256, in the format of ``sha256sum --check``."""
    return snapshot.with_name(f"{snapshot.name}.sha256")


def recorded_snapshots(remembered: Iterable[str]) -> list[Path]:
    """Return the snapshots that a target remembers, with their journals and checksums, existing or not.

    A path counts only where it has the name that a run gives its snapshot. Snapshots of moves to other databases are
    not among them.
    """
    snapshots = {Path(path) for path in remembered if Path(path).name == _SNAPSHOT and Path(path).is_absolute()}
    return sorted(
        path.with_name(name) for path in snapshots for name in (_SNAPSHOT, _JOURNAL, checksum_file(path).name)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFile:
    """A kept file as it was when it was listed. A later file of the same name differs."""

    path: Path
    device: int
    inode: int
    size: int
    sha256: str

    @property
    def label(self) -> str:
        """The line that a person agrees to."""
        return f"{self.path.name.partition('.')[0]} {self.path} ({size(self.size)})"


def read_recorded_file(path: Path) -> RecordedFile | None:
    """Return the state of a kept file, or None where it is none that a run keeps, or not readable."""
    try:
        # Neither follow a link nor block on a FIFO.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            begins = _CHECKSUM if path.suffix == checksum_file(path).suffix else _SQLITE
            if not stat.S_ISREG(status.st_mode) or not begins.match(file.read(100)):
                return None
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return None
    return RecordedFile(path=path, device=status.st_dev, inode=status.st_ino, size=status.st_size, sha256=sha256)


def base_directory() -> Path:
    """Return BASE_DIR of the settings, else the working directory. Raise UsageError where that was deleted."""
    base = getattr(settings, "BASE_DIR", None)
    try:
        return Path.cwd() if base is None else Path(base)
    except FileNotFoundError as error:
        raise UsageError(
            _("The working directory does not exist any more, and the settings name no BASE_DIR."),
            remedy=_("Change into the project's directory, then run again."),
        ) from error


def reports_directory() -> Path:
    """Return the default directory for the project's reports."""
    return base_directory() / REPORTS


def make_reports_directory() -> Path:
    """Make the default directory for reports, ignored by version control, and return it."""
    directory = reports_directory()
    directory.mkdir(mode=0o700, exist_ok=True)
    ignore = directory / _IGNORED
    if not ignore.exists():
        ignore.write_text("*\n")
    return directory


def _fresh_directory() -> Path:
    """Make a directory for this run alone, although two may begin in the same second."""
    path = first = make_reports_directory() / f"{now():%Y%m%d-%H%M%S}"
    number = 1
    while True:
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            number += 1
            path = first.with_name(f"{first.name}-{number}")
        else:
            return path


def _remove_stale(parent: Path) -> None:
    """Remove the copies of runs that were killed, with the journals that SQLite may have left beside them."""
    for name in (_SNAPSHOT, _WORKING_COPY, _JOURNAL, _LEFTOVERS, _CHILD):
        for path in parent.glob(f"*/{name}.*.unfinished*"):
            pid = path.name.removeprefix(f"{name}.").split(".")[0]
            if not pid.isdigit() or is_running(int(pid)):
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def is_running(pid: int) -> bool:
    """Report whether a process of that number exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def sync_to_disk(path: Path) -> None:
    """Wait until the disk has a file, or the names in a directory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
