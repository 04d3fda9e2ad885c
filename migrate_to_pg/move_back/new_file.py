"""Make the new SQLite file under a temporary name, and give it its own once it is complete and on the disk.

Nothing is ever put over an existing file. What a killed run left is removed by the next one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.system.usage import usage_error_on_oserror
from migrate_to_pg.system.workdir import is_running, sync_to_disk

_UNFINISHED = ".unfinished"
#: What SQLite puts beside a database.
_BESIDE = ("", "-journal", "-wal", "-shm")


def require_free(path: Path) -> None:
    """Raise UsageError where the file exists already, or SQLite would take a file beside it for its own."""
    with usage_error_on_oserror(path):
        for name in (path.with_name(path.name + suffix) for suffix in _BESIDE):
            if os.path.lexists(name):
                raise UsageError(
                    _("{name} exists already. Nothing is ever written over a file.", name=name),
                    remedy=_("Move it away, or name another file."),
                )
        if not path.parent.is_dir():
            raise UsageError(
                _("There is no directory {directory}.", directory=path.parent),
                remedy=_("Make it, or name another file."),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """The file while it is made."""

    #: Its name in the end.
    path: Path
    #: Its name until then, with the number of this process.
    unfinished: Path

    def publish(self) -> None:
        """Write it to the disk, then give it its name. Raise UsageError where somebody made such a file meanwhile."""
        sync_to_disk(self.unfinished)
        try:
            # Unlike a rename, a link is never made over a file.
            os.link(self.unfinished, self.path)
        except FileExistsError:
            require_free(self.path)
            raise
        except OSError:
            # A file system without links.
            require_free(self.path)
            self.unfinished.rename(self.path)
        self.unfinished.unlink(missing_ok=True)
        sync_to_disk(self.path.parent)


@contextmanager
def new_file(path: Path) -> Iterator[NewFile]:
    """Make an empty file that only its owner can read, for the block. It is removed unless it was published."""
    remove_stale(path)
    require_free(path)
    with usage_error_on_oserror(path):
        unfinished = path.with_name(f"{path.name}.{os.getpid()}{_UNFINISHED}")
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        yield NewFile(path=path, unfinished=unfinished)
    finally:
        _remove(unfinished)


def remove_stale(path: Path) -> None:
    """Remove what killed runs left beside the file, whether or not they made it."""
    with usage_error_on_oserror(path):
        for found in path.parent.glob(f"{escape(path.name)}.*{_UNFINISHED}"):
            number = found.name.removeprefix(f"{path.name}.").removesuffix(_UNFINISHED)
            if number.isdigit() and (int(number) == os.getpid() or not is_running(int(number))):
                _remove(found)


def _remove(unfinished: Path) -> None:
    for suffix in _BESIDE:
        with suppress(OSError):
            unfinished.with_name(unfinished.name + suffix).unlink()
