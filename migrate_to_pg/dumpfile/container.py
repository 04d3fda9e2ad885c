"""The file of a dump: a zip archive with a seal, the SHA-256 of all that comes before it, at its very end.

Its members are stored as they are, in order, the manifest last. The seal tells a file that was damaged on its way; it
is no signature.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from migrate_to_pg.dumpfile.manifest import FORMAT, Manifest, dumps, format_of, from_json, member
from migrate_to_pg.errors import ArchiveError
from migrate_to_pg.i18n import gettext as _

MANIFEST = "manifest.json"
_MARK = b"migrate_to_pg dump, SHA-256 of all before this line: "
_SEAL = re.compile(re.escape(_MARK) + rb"(?P<digest>[0-9a-f]{64})")
_SEALED = len(_MARK) + 64
#: A manifest is no larger than that: some 100 bytes for each column and line of the schema.
_LARGEST_MANIFEST = 256 * 2**20
_PIECE = 2**20
#: What zipfile raises for what is no archive of its kind.
_BAD = (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, EOFError, NotImplementedError, RuntimeError)


class Packing:
    """A new archive in an open, empty file; members are written one after the other."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    @contextmanager
    def member(self, name: str) -> Iterator[IO[bytes]]:
        """A new member to write to."""
        # No date: two dumps of the same rows are the same.
        with self._zip.open(zipfile.ZipInfo(name), "w", force_zip64=True) as stream:
            yield stream

    def seal(self, manifest: Manifest) -> str:
        """Write the manifest and the seal, and wait for the disk; the SHA-256 of the whole file."""
        with self.member(MANIFEST) as stream:
            stream.write(dumps(manifest))
        self._zip.comment = _MARK + b"0" * 64
        self._zip.close()
        self._file.flush()
        size = self._file.tell()
        found = _sha256(self._file, size - _SEALED)
        seal = _MARK + found.hexdigest().encode("ascii")
        self._file.seek(size - _SEALED)
        self._file.write(seal)
        self._file.flush()
        os.fsync(self._file.fileno())
        found.update(seal)
        return str(found.hexdigest())


def _sha256(file: IO[bytes], size: int) -> Any:
    """Of the first bytes of a file; more may be added."""
    file.seek(0)
    found = hashlib.sha256()
    for start in range(0, size, _PIECE):
        found.update(file.read(min(_PIECE, size - start)))
    return found


class Archive:
    """A dump whose seal holds and whose members are those that its manifest names."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self.size = os.fstat(file.fileno()).st_size
        self.sha256 = self._sealed_sha256(file)
        try:
            self._zip = zipfile.ZipFile(file)
            self.manifest = self._read_manifest()
        except (*_BAD, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise self._wrong(str(error) or type(error).__name__) from error
        self._require_members()

    def open(self, number: int) -> IO[bytes]:
        """The rows of a table of the manifest."""
        return self._zip.open(member(number))

    def _sealed_sha256(self, file: IO[bytes]) -> str:
        """Of the whole file, whose seal holds."""
        file.seek(max(0, self.size - _SEALED))
        seal = _SEAL.fullmatch(file.read(_SEALED))
        if seal is None:
            raise ArchiveError(
                _("{path} is no dump of migrate_to_pg, or its end is missing.", path=self.path),
                remedy=_("Name a file that --dump has written; copy it again where it was cut off on its way."),
            )
        found = _sha256(file, self.size - _SEALED)
        if found.hexdigest().encode("ascii") != seal["digest"]:
            raise ArchiveError(
                _("{path} is not what was written: its SHA-256 is not the one at its end.", path=self.path),
                remedy=_("Copy it again from the machine where it was made, or make it again."),
            )
        found.update(seal[0])
        return str(found.hexdigest())

    def _read_manifest(self) -> Manifest:
        info = self._zip.getinfo(MANIFEST)
        if info.file_size > _LARGEST_MANIFEST or info.compress_type != zipfile.ZIP_STORED:
            raise ValueError(MANIFEST)
        data: Any = json.loads(self._zip.read(info))
        if format_of(data) != FORMAT:
            raise ArchiveError(
                _(
                    "{path} is a dump of format {format}; this version of migrate_to_pg reads format {known}.",
                    path=self.path,
                    format=format_of(data),
                    known=FORMAT,
                ),
                remedy=_("Install the version of migrate_to_pg that wrote it: {version}.", version=_version(data)),
            )
        return from_json(data)

    def _require_members(self) -> None:
        """Nothing too little and nothing too much; no member is ever written to a path of its own."""
        infos = self._zip.infolist()
        named = [info.filename for info in infos]
        expected = [*map(member, range(len(self.manifest.tables))), MANIFEST]
        if named != expected:
            odd = sorted({*named} ^ {*expected}) or named
            raise self._wrong(_("its members are not those of the manifest: {names}", names=", ".join(odd[:5])))
        if any(info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size for info in infos):
            raise self._wrong(_("a member is compressed otherwise than --dump does"))

    def _wrong(self, reason: str) -> ArchiveError:
        return ArchiveError(
            _("{path} is not as --dump writes it: {reason}.", path=self.path, reason=reason),
            remedy=_("Nothing was written. Copy it again from the machine where it was made, or make it again."),
        )


def _version(data: Any) -> str:
    versions = data.get("versions") if isinstance(data, dict) else None
    return str(versions.get("migrate_to_pg", "?")) if isinstance(versions, dict) else "?"
