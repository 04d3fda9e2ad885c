"""Find the processes that have a file open, and the one that holds SQLite's write lock (Linux only).

Only /proc is read: trying the lock would mean to open the database for writing. SQLite's locks are POSIX record locks
on agreed bytes (https://www.sqlite.org/src/file/src/os.h, src/wal.c), which /proc/locks lists.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records.diagnosis import Holder

_PROC = Path("/proc")
#: Bytes of the database that a writer locks in rollback mode: PENDING, RESERVED, and all of SHARED.
_WRITER_BYTES = range(0x40000000, 0x40000000 + 512)
#: The byte of the -shm that a writer locks in WAL mode: WAL_WRITE_LOCK.
_WAL_WRITER_BYTE = 120
_MAX_PROGRAM_LENGTH = 80


def open_processes(path: Path) -> tuple[tuple[Holder, ...], bool]:
    """Return the other processes that have the file open, and whether the system listed all of them."""
    wanted = _inodes(path)
    writers = _writers(path)
    found, complete = [], _PROC.joinpath("locks").exists()
    processes = _PROC.iterdir() if _PROC.is_dir() else ()
    for pid in sorted(int(entry.name) for entry in processes if entry.name.isdigit()):
        if pid == os.getpid():
            continue
        opened = _open_files(pid)
        complete = complete and opened is not None
        if pid in writers or (opened and opened & wanted):
            found.append(Holder(pid=pid, program=_program(pid), writes=pid in writers))
    return tuple(found), complete


def is_open_here(path: Path) -> bool:
    """Report whether this process has the file open. False where the system does not show it."""
    return bool((_open_files(os.getpid()) or set()) & _inodes(path))


def _inodes(path: Path) -> set[tuple[int, int]]:
    return {identity for suffix in ("", "-wal", "-shm") if (identity := _identity(Path(f"{path}{suffix}")))}


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _open_files(pid: int) -> set[tuple[int, int]] | None:
    """Return the files that a process has open, or None where the system does not show them."""
    try:
        entries = list((_PROC / str(pid) / "fd").iterdir())
    except FileNotFoundError:
        return set()  # it ended meanwhile
    except OSError:
        return None
    return {identity for entry in entries if (identity := _identity(entry))}


def _writers(path: Path) -> set[int]:
    """Return the processes that hold a writer's lock on the database or, in WAL mode, on its -shm."""
    database, shm = _identity(path), _identity(Path(f"{path}-shm"))
    found = set()
    for pid, inode, locked in _write_locks():
        in_file = (
            database is not None
            and inode == database[1]
            and locked.start < _WRITER_BYTES.stop
            and _WRITER_BYTES.start < locked.stop
        )
        in_shm = shm is not None and inode == shm[1] and _WAL_WRITER_BYTE in locked
        if (in_file or in_shm) and pid > 0:
            found.add(pid)
    return found


def _write_locks() -> Iterator[tuple[int, int, range]]:
    """Yield (pid, inode, bytes) of each exclusive record lock: `1: POSIX ADVISORY WRITE 4711 08:01:131 120 120`.

    The device is ignored: on overlay and btrfs it differs from the one of stat().
    """
    try:
        lines = (_PROC / "locks").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        words = line.split()
        # "->" precedes the locks that are still waited for.
        if len(words) >= 8 and words[1] == "POSIX" and words[3] == "WRITE":
            end = words[7]
            last = int(end) if end.isdigit() else 2**63
            yield int(words[4]), int(words[5].split(":")[-1]), range(int(words[6]), last + 1)


def _program(pid: int) -> str:
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
        name = words[0] or (_PROC / str(pid) / "comm").read_bytes().strip()
    except OSError:
        return _("unknown program")
    return " ".join(_display_args([name, *words[1:2]]))[:_MAX_PROGRAM_LENGTH]


def _display_args(words: Collection[bytes]) -> list[str]:
    """Return the program and its first argument, if that is a file or a subcommand rather than an option."""
    program, *rest = (word.decode(errors="replace") for word in words)
    return [Path(program).name, *(word for word in rest if word and not word.startswith("-") and "://" not in word)]
