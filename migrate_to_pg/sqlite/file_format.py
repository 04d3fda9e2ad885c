"""Read the headers of a database, its -wal and its -journal (https://www.sqlite.org/fileformat2.html).

SQLite pads a truncated page with zeros, applies whatever -wal it finds beside a database, and ignores what it cannot
use of one, all without an error. Call nothing here while this process holds a lock on the database's file: closing any
descriptor of the file would drop the lock. The -wal alone has no locks.
"""

from __future__ import annotations

import contextlib
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from migrate_to_pg.i18n import gettext as _

#: Does not fit into the header's 16 bits, which hold 1 instead.
_MAX_PAGE_SIZE = 65536
_WAL_HEADER = 32
_FRAME_HEADER = 24
#: The two magic numbers of a -wal -> byte order of the words in its checksums.
_WAL_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
#: Checksums of a larger -wal are left to SQLite: Python computes them at some 10 MB a second.
_MAX_CHECKSUM_BYTES = 16 * 2**20
#: A writer's intermediate state does not last from one check to the next.
_RECHECK_SECONDS = 0.3


class Header(NamedTuple):
    """Facts of the first page of a database."""

    page_size: int
    is_wal: bool
    #: File change counter and schema cookie, which only grow.
    counters: tuple[int, int]
    #: In-header database size. 0 where it was written by a version of SQLite that did not keep it.
    pages: int


class Frame(NamedTuple):
    """One page in a -wal."""

    offset: int
    page: int
    #: Pages of the database after the transaction that this frame ends. 0 for all other frames.
    commits: int


class Wal:
    """A -wal with a header that SQLite accepts."""

    def __init__(self, path: Path, file: BinaryIO, header: bytes) -> None:
        magic, _version, page_size, _sequence = struct.unpack(">4I", header[:16])
        self.page_size = _MAX_PAGE_SIZE if page_size == 1 else page_size
        self.order = _WAL_MAGIC.get(magic, "")
        self.salts = header[16:24]
        self.sums = struct.unpack(">2I", header[24:32])
        self._file = file
        self._size = path.stat().st_size
        self.is_valid = bool(self.order) and _checksum(self.order, header[:24]) == self.sums

    def frames(self) -> Iterator[Frame]:
        """Yield the frames of the current generation: a -wal is overwritten from its start."""
        for offset in range(_WAL_HEADER, self._size - _FRAME_HEADER - self.page_size + 1, self._step):
            self._file.seek(offset)
            header = self._file.read(_FRAME_HEADER)
            if header[8:16] != self.salts:
                return
            page, commits = struct.unpack(">2I", header[:8])
            yield Frame(offset=offset, page=page, commits=commits)

    @property
    def _step(self) -> int:
        return _FRAME_HEADER + self.page_size

    def content(self, frame: Frame) -> bytes:
        """Return the page in a frame."""
        self._file.seek(frame.offset + _FRAME_HEADER)
        return self._file.read(self.page_size)

    def committed(self) -> list[Frame]:
        """Return the frames up to the end of the last transaction."""
        frames = list(self.frames())
        last = max((number for number, frame in enumerate(frames, 1) if frame.commits), default=0)
        return frames[:last]

    def count_unread_frames(self) -> int:
        """Count the committed frames that SQLite ignores because a checksum before them is wrong."""
        committed, sums = self.committed(), self.sums
        if len(committed) * self._step > _MAX_CHECKSUM_BYTES:
            return 0
        for number, frame in enumerate(committed):
            self._file.seek(frame.offset)
            header = self._file.read(_FRAME_HEADER)
            sums = _checksum(self.order, header[:8] + self.content(frame), sums)
            if sums != struct.unpack(">2I", header[16:24]):
                return len(committed) - number
        return 0


def _checksum(order: str, data: bytes, sums: tuple[int, ...] = (0, 0)) -> tuple[int, ...]:
    """Continue SQLite's running checksum."""
    first, second = sums
    for one, other in struct.iter_unpack(f"{order}2I", data):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return first, second


def read_header(path: Path) -> Header:
    """Read the header. Raise OSError where the file cannot be read."""
    with path.open("rb") as file:
        start = file.read(100).ljust(100, b"\0")
    page_size = int.from_bytes(start[16:18])
    valid = start[24:28] == start[92:96]
    return Header(
        page_size=_MAX_PAGE_SIZE if page_size == 1 else page_size,
        is_wal=start[19] == 2,
        counters=_counters(start),
        pages=int.from_bytes(start[28:32]) if valid else 0,
    )


def _counters(page: bytes) -> tuple[int, int]:
    return int.from_bytes(page[24:28]), int.from_bytes(page[40:44])


@contextlib.contextmanager
def open_wal(path: Path) -> Iterator[Wal | None]:
    """Open the -wal of a database. Yield None where there is none, or an empty one."""
    wal = Path(f"{path}-wal")
    try:
        file = wal.open("rb") if wal.is_file() else None
    except OSError:
        file = None
    if file is None:
        yield None
        return
    with file:
        header = file.read(_WAL_HEADER)
        # All zeros: allocated and never written.
        yield Wal(wal, file, header) if len(header) == _WAL_HEADER and any(header) else None


def pages_in_wal(path: Path) -> set[int]:
    """Return the pages of which the -wal has a newer version than the database's file."""
    with open_wal(path) as wal:
        return {frame.page for frame in wal.committed()} if wal and wal.is_valid else set()


def foreign_format(path: Path) -> str:
    """Describe a -wal or -journal of another database, which SQLite would apply all the same, or return ''."""
    found = _foreign_format(path)
    if found:
        time.sleep(_RECHECK_SECONDS)
    return found if found and _foreign_format(path) == found else ""


def _foreign_format(path: Path) -> str:
    header = read_header(path)
    journal = int.from_bytes(journal_header(path)[24:28])
    if journal and journal != header.page_size:
        return _(
            "{path}-journal is of a database with pages of {other:,} bytes, and those of {path} have {own:,}:"
            " it belongs to another one.",
            path=path,
            other=journal,
            own=header.page_size,
        )
    with open_wal(path) as wal:
        committed = wal.committed() if wal and wal.is_valid else []
        if wal is None or not committed:
            return ""
        if wal.page_size != header.page_size:
            return _(
                "{path}-wal is of a database with pages of {other:,} bytes, and those of {path} have {own:,}: it"
                " belongs to another one.",
                path=path,
                other=wal.page_size,
                own=header.page_size,
            )
        if not header.is_wal:
            return _(
                "{path}-wal holds {frames:,} pages, and {path} is not in WAL mode: it belongs to another database, or"
                " to an earlier file of this name.",
                path=path,
                frames=len(committed),
            )
        first = [frame for frame in committed if frame.page == 1]
        newest = _counters(wal.content(first[-1])) if first else header.counters
        if any(there < here for there, here in zip(newest, header.counters, strict=True)):
            return _(
                "{path}-wal is older than {path}: it belongs to another database, or to an earlier file of this name.",
                path=path,
            )
    return ""


def journal_header(path: Path) -> bytes:
    """Return the header of the journal of an unfinished write, or nothing: a finished one is removed or zeroed."""
    journal = Path(f"{path}-journal")
    try:
        if not journal.is_file():
            return b""
        with journal.open("rb") as file:
            start = file.read(28)
    except OSError:
        return b""
    return start if start.startswith(_JOURNAL_MAGIC) else b""


def unread_wal(path: Path) -> str:
    """Describe the part of a -wal that SQLite ignores, or return ''."""
    with open_wal(path) as wal:
        if wal is None:
            return ""
        if not wal.is_valid:
            return _("{path}-wal has no header that SQLite accepts: nothing of it is read.", path=path)
        unread = wal.count_unread_frames()
        if not unread:
            return ""
        return _(
            "{path}-wal is damaged: SQLite does not read the last {frames:,} of its {all:,} pages, although they"
            " were committed.",
            path=path,
            frames=unread,
            all=len(wal.committed()),
        )
