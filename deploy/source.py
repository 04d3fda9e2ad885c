"""The SQLite database that is to be moved in; a path where SQLite can open it out.

Even to read a database in WAL mode, SQLite makes files beside it. data/ is somebody else's folder, mounted read-only:
such a database is copied first, with its -wal.
"""

import os
import shutil
from pathlib import Path

#: Bytes 18 and 19 of the file: 2 where its changes go to a -wal.
_WAL_MODE = b"\x02"


def readable_source(path: Path, folder: Path) -> Path:
    """Return the path itself, or that of a private copy in the folder.

    SystemExit where it cannot be copied, or changes meanwhile.
    """
    if not os.access(path, os.R_OK) or os.access(path.parent, os.W_OK) or not _is_in_wal_mode(path):
        return path.absolute()  # where it cannot be read, the command says so
    before = _state(path)
    try:
        copy = _copy(path, folder)
    except OSError as error:
        raise SystemExit(f"{path} could not be copied to {folder}: {error.strerror}.") from None
    if _state(path) != before:
        shutil.rmtree(folder)
        raise SystemExit(f"{path} is being written to: stop the application that uses it, and copy it anew.")
    return copy.absolute()


def _is_in_wal_mode(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(18)
        return file.read(1) == _WAL_MODE


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _state(path: Path) -> list[tuple[int, int]]:
    found = [file.stat() for file in (path, _wal(path)) if file.exists()]
    return [(status.st_size, status.st_mtime_ns) for status in found]


def _copy(path: Path, folder: Path) -> Path:
    """Copy the database and its -wal into the folder, which is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    for original in filter(Path.exists, (path, _wal(path))):
        copy = folder / original.name
        copy.touch(mode=0o600)
        shutil.copyfile(original, copy)
    return folder / path.name
