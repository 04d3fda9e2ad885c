"""Rewrite the table of contents of a pg_dump archive so that the pg_restore of an older PostgreSQL reads it.

pg_dump writes only the format of its own version, and pg_restore reads no newer format than its own. All of them store
the rows alike. src/bin/pg_dump/pg_backup_archiver.h of PostgreSQL lists the differences.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import BinaryIO

from migrate_to_pg.i18n import gettext as _

#: Minor number of the newest format 1.x that pg_restore reads, by major version of PostgreSQL.
_NEWEST_FORMATS = {14: 14, 15: 14, 16: 15, 17: 16, 18: 16}
#: Versions for which an archive can be requested.
VERSIONS = tuple(_NEWEST_FORMATS)
#: Since this format the header has the compression's number instead of zlib's level.
_COMPRESSION_BY_NUMBER = 15
#: Since this format an entry has the kind of its relation, and large objects have entries of their own.
_RELATION_KINDS = 16
_MAGIC, _CUSTOM = b"PGDMP", 1
_NO_COMPRESSION, _GZIP = 0, 1
#: State of an entry's offset in the file: it is set.
_SET = 2


class UnsupportedArchiveError(Exception):
    """The archive has content that the older format does not support."""


class _TableOfContents:
    """Reads an archive's table of contents, and collects the bytes that replace it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.written = bytearray()

    def byte(self) -> int:
        return self._file.read(1)[0]

    def copy(self, count: int) -> bytes:
        found = self._file.read(count)
        self.written += found
        return found

    def copy_magic(self, minor: int) -> int:
        """Copy the header's first bytes with another number of the format. Return the number that it had."""
        head = bytearray(self._file.read(11))
        had, self._size, self._offset = head[6], head[8], head[9]
        if bytes(head[:5]) != _MAGIC or head[5] != 1 or head[10] != _CUSTOM or had > max(_NEWEST_FORMATS.values()):
            raise UnsupportedArchiveError(_("its format is not known"))
        head[6] = minor
        self.written += head
        return had

    def number(self, *, keep: bool = True) -> int:
        """Read an integer: its sign, and the bytes of its amount, the lowest first."""
        found = self._file.read(1 + self._size)
        if keep:
            self.written += found
        amount = int.from_bytes(found[1:], "little")
        return -amount if found[0] else amount

    def add_number(self, value: int) -> None:
        self.written += bytes([value < 0]) + abs(value).to_bytes(self._size, "little")

    def text(self) -> bytes | None:
        length = self.number()
        return None if length < 0 else self.copy(length)

    def offset(self) -> int | None:
        """Copy an entry's offset in the file. Return the index of the copy, or None if the entry has no offset."""
        state = self.copy(1)[0]
        at = len(self.written)
        self.copy(self._offset)
        return at if state == _SET else None

    def shift_offset(self, at: int, by: int) -> None:
        """Correct an offset that was copied to that index."""
        end = at + self._offset
        offset = int.from_bytes(self.written[at:end], "little") + by
        self.written[at:end] = offset.to_bytes(self._offset, "little")


def rewrite_for(path: Path, version: int) -> None:
    """Rewrite the archive at ``path`` unless pg_restore of that major version reads it.

    Raises UnsupportedArchiveError for an archive with large objects, whose entries PostgreSQL knows since version 17.
    """
    with path.open("rb") as file:
        contents = _TableOfContents(file)
        minor = _NEWEST_FORMATS[version]
        had = contents.copy_magic(minor)
        if had <= minor:
            return
        if had >= _COMPRESSION_BY_NUMBER:
            algorithm = contents.byte()
            if algorithm not in (_NO_COMPRESSION, _GZIP):
                raise UnsupportedArchiveError(_("it is compressed by another program than zlib"))
            if minor >= _COMPRESSION_BY_NUMBER:
                contents.written.append(algorithm)
            else:
                # zlib's level: the default, or no compression.
                contents.add_number(-1 if algorithm == _GZIP else 0)
        for _part in range(7):  # when it was made
            contents.number()
        for _part in range(3):  # the database, the server's version and pg_dump's
            contents.text()
        offsets = [at for _entry in range(contents.number()) if (at := _copy_entry(contents, had)) is not None]
        moved = len(contents.written) - file.tell()
        for at in offsets:
            contents.shift_offset(at, moved)
        other = path.with_name(f"{path.name}.{version}")
        try:
            with other.open("xb") as written:
                other.chmod(0o600)
                written.write(contents.written)
                shutil.copyfileobj(file, written, 1 << 20)
            other.replace(path)
        finally:
            other.unlink(missing_ok=True)


def _copy_entry(contents: _TableOfContents, had: int) -> int | None:
    """Copy one entry. Return the index of its copied offset, or None if it has no rows in the file."""
    contents.number()  # its number
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
    return contents.offset()
