"""Rewrite the table of contents of a pg_dump archive so that the pg_restore of an older PostgreSQL reads it.

pg_dump cannot write any format but its own, and pg_restore reads none that is newer than its own. The rows stand in all
of them alike; what differs is named in pg_dump's own list of versions (src/bin/pg_dump/pg_backup_archiver.h).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import BinaryIO

from migrate_to_pg.i18n import gettext as _

#: Major version of PostgreSQL -> minor number of the newest format 1.x that its pg_restore reads.
_READS = {14: 14, 15: 14, 16: 15, 17: 16, 18: 16}
#: Those for which an archive can be asked.
VERSIONS = tuple(_READS)
#: Since this format the header has the compression's number, where it had zlib's level.
_COMPRESSION_BY_NUMBER = 15
#: Since this one an entry has the kind of its relation, and large objects have entries of their own.
_RELATION_KINDS = 16
_MAGIC, _CUSTOM = b"PGDMP", 1
_NO_COMPRESSION, _GZIP = 0, 1
#: State of an entry's place in the file: it is set.
_SET = 2


class UnsupportedArchiveError(Exception):
    """The archive holds what the older format cannot."""


class _Contents:
    """Reads an archive's head, and keeps what is to be written in its place."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.written = bytearray()

    def byte(self) -> int:
        return self._file.read(1)[0]

    def keep(self, count: int) -> bytes:
        found = self._file.read(count)
        self.written += found
        return found

    def prepare(self, minor: int) -> int:
        """Take the header's first bytes over with that number of the format; return the number that it had."""
        head = bytearray(self._file.read(11))
        had, self._size, self._offset = head[6], head[8], head[9]
        if bytes(head[:5]) != _MAGIC or head[5] != 1 or head[10] != _CUSTOM or had > max(_READS.values()):
            raise UnsupportedArchiveError(_("its format is not known"))
        head[6] = minor
        self.written += head
        return had

    def number(self, *, keep: bool = True) -> int:
        """A sign and the bytes of an amount, the lowest first."""
        found = self._file.read(1 + self._size)
        if keep:
            self.written += found
        amount = int.from_bytes(found[1:], "little")
        return -amount if found[0] else amount

    def add_number(self, value: int) -> None:
        self.written += bytes([value < 0]) + abs(value).to_bytes(self._size, "little")

    def text(self) -> bytes | None:
        length = self.number()
        return None if length < 0 else self.keep(length)

    def place(self) -> int | None:
        """Note where an entry's place in the file stands, if it has one."""
        state = self.keep(1)[0]
        at = len(self.written)
        self.keep(self._offset)
        return at if state == _SET else None

    def move(self, at: int, by: int) -> None:
        """Correct a place that was noted."""
        end = at + self._offset
        place = int.from_bytes(self.written[at:end], "little") + by
        self.written[at:end] = place.to_bytes(self._offset, "little")


def rewrite_for(path: Path, version: int) -> None:
    """Make the archive at ``path`` one that pg_restore of that major version reads, where it is none yet.

    Raises UnsupportedArchiveError for an archive with large objects, whose entries only PostgreSQL 17 knows.
    """
    with path.open("rb") as file:
        contents = _Contents(file)
        minor = _READS[version]
        had = contents.prepare(minor)
        if had <= minor:
            return
        _take_head(contents, had, minor)
        places = [place for _entry in range(contents.number()) if (place := _take_entry(contents, had)) is not None]
        moved = len(contents.written) - file.tell()
        for place in places:
            contents.move(place, moved)
        other = path.with_name(f"{path.name}.{version}")
        try:
            with other.open("xb") as written:
                other.chmod(0o600)
                written.write(contents.written)
                shutil.copyfileobj(file, written, 1 << 20)
            other.replace(path)
        finally:
            other.unlink(missing_ok=True)


def _take_head(contents: _Contents, had: int, minor: int) -> None:
    if had >= _COMPRESSION_BY_NUMBER:
        algorithm = contents.byte()
        if algorithm not in (_NO_COMPRESSION, _GZIP):
            raise UnsupportedArchiveError(_("it is compressed by another program than zlib"))
        if minor >= _COMPRESSION_BY_NUMBER:
            contents.written.append(algorithm)
        else:
            # zlib's level: its default, or none.
            contents.add_number(-1 if algorithm == _GZIP else 0)
    for _part in range(7):  # when it was made
        contents.number()
    for _part in range(3):  # the database, the server's version and pg_dump's
        contents.text()


def _take_entry(contents: _Contents, had: int) -> int | None:
    """One entry; returns where its place in the file is written, if it has rows there."""
    contents.number()  # its own
    contents.number()  # whether it has rows
    for _part in range(3):  # two numbers of the catalogue's, as texts, and its name
        contents.text()
    if contents.text() == b"BLOB METADATA":
        raise UnsupportedArchiveError(_("it holds large objects"))
    contents.number()  # its section
    for _part in range(6):  # how it is made, dropped and filled; its schema, tablespace and access method
        contents.text()
    if had >= _RELATION_KINDS:
        contents.number(keep=False)
    contents.text()  # its owner
    contents.text()  # "false"
    while contents.text() is not None:  # what it depends on
        pass
    return contents.place()
