"""Read the state of a database's files from outside, and the facts of its header from a snapshot.

The files are read before anything opens the source: even a read-only connection leaves a -wal and a -shm beside a
database in WAL mode.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level
from migrate_to_pg.records.diagnosis import FileState, PageFacts
from migrate_to_pg.rules.doctor_findings import HOT_JOURNAL, LARGE_WAL, STALE_WAL, WRITE_LOCK
from migrate_to_pg.sqlite.connection import journal_mode, open_snapshot
from migrate_to_pg.sqlite.file_format import journal_header
from migrate_to_pg.sqlite.open_processes import open_processes

_SUFFIXES = ("-wal", "-shm", "-journal")
_AUTO_VACUUM = ("none", "full", "incremental")
#: SQLite itself checkpoints at about 4 MB.
LARGE_WAL_BYTES = 64 * 1024 * 1024


def read_file_state(path: Path) -> FileState:
    """Read the files' sizes and open processes."""
    found, complete = open_processes(path)
    return FileState(
        bytes=path.stat().st_size,
        beside={suffix: size for suffix in _SUFFIXES if (size := size_beside(path, suffix)) is not None},
        journal_is_hot=bool(journal_header(path)),
        holders=found,
        all_holders=complete,
    )


def size_beside(path: Path, suffix: str) -> int | None:
    """Return the size of the -wal, -shm or -journal of a database, or None where there is none."""
    try:
        return Path(f"{path}{suffix}").stat().st_size
    except OSError:
        return None


def page_facts(snapshot: Path) -> PageFacts:
    """Read the header's facts, which a snapshot has byte for byte from the source."""
    with contextlib.closing(open_snapshot(snapshot)) as database:

        def pragma(name: str) -> int | str:
            value: int | str = database.execute(f"PRAGMA {name}").fetchone()[0]
            return value

        return PageFacts(
            journal_mode=journal_mode(snapshot),
            encoding=str(pragma("encoding")),
            auto_vacuum=_AUTO_VACUUM[int(pragma("auto_vacuum"))],
            page_size=int(pragma("page_size")),
            page_count=int(pragma("page_count")),
            free_pages=int(pragma("freelist_count")),
        )


def file_findings(path: Path, before: FileState, after: FileState) -> Iterator[Finding]:
    """Yield what is wrong with the files: a lock held all the time, a large -wal, or one without a process."""
    writer = before.writer
    if writer and after.writer and after.writer.pid == writer.pid:
        yield lock_finding(before)
    size = before.beside.get("-wal", 0)
    if size and before.all_holders and not before.holders:
        yield STALE_WAL.finding(
            table="",
            explanation=_(
                "{path}-wal holds {size:,} bytes, and no process has the database open: the program that wrote"
                " them was killed. Nothing is lost as long as both files stay together; a copy of the database's"
                " file alone lacks what is in the -wal.",
                path=path.name,
                size=size,
            ),
            remedy=_(STALE_WAL.remedy),
        )
    elif size > max(LARGE_WAL_BYTES, before.bytes):
        yield LARGE_WAL.finding(
            table="",
            explanation=_(
                "{path}-wal holds {size:,} bytes, more than the database's {bytes:,}.",
                path=path.name,
                size=size,
                bytes=before.bytes,
            ),
            remedy=_(LARGE_WAL.remedy),
        )


def lock_finding(state: FileState, *, keeps_readers_out: bool = False) -> Finding:
    """Return the finding about the process that holds the write lock."""
    writer = state.writer
    explanation = (
        _(
            "Process {pid} ({program}) held SQLite's write lock during the whole diagnosis.",
            pid=writer.pid,
            program=writer.program,
        )
        if writer
        else _("A process that the system does not show held SQLite's write lock during the whole diagnosis.")
    )
    if keeps_readers_out:
        consequence = _("It keeps readers out, too: nothing could be examined.")
        explanation = f"{explanation} {consequence}"
    return WRITE_LOCK.finding(
        table="",
        level=Level.ERROR if keeps_readers_out else Level.WARNING,
        explanation=explanation,
        remedy=_(WRITE_LOCK.remedy),
    )


def hot_journal_finding(path: Path, message: str) -> Finding:
    """Return the finding about the journal of an unfinished write."""
    return HOT_JOURNAL.finding(
        table="",
        explanation=_(
            "{path}-journal belongs to a write that was never finished, and nobody is writing: the program"
            " that did was killed. Until it is rolled back nothing can read the database consistently:"
            " {message}",
            path=path.name,
            message=message,
        ),
        remedy=_(HOT_JOURNAL.remedy),
    )
