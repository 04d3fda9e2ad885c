"""Write a snapshot to one sealed file, and read it back, for --dump and --from-dump.

It is a zip archive of two members that are stored as they are: the snapshot, compressed with zstd, and
``manifest.json``. At its very end, in the archive's comment, is the SHA-256 of everything before: a seal that shows
damage. It is no signature.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sqlite3
import struct
import zipfile
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from zoneinfo import ZoneInfo

import adbc_driver_manager
import adbc_driver_sqlite.dbapi
import pyarrow as pa

from migrate_to_pg.errors import DumpError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import DumpFacts, Event, Progress, Snapshot
from migrate_to_pg.sqlite.checksums import require_unmodified_snapshot
from migrate_to_pg.sqlite.connection import open_snapshot, snapshot_uri
from migrate_to_pg.sqlite.file_format import read_header
from migrate_to_pg.sqlite.source_files import require_space
from migrate_to_pg.system.workdir import sync_to_disk

#: The format that this version writes, and the only one that it reads. Format 1 held rows in place of pages.
FORMAT = 2
_SNAPSHOT = "snapshot.sqlite3.zst"
_MANIFEST = "manifest.json"
_MARK = b"migrate_to_pg dump, SHA-256 of all before this line: "
_SEAL = re.compile(re.escape(_MARK) + rb"(?P<digest>[0-9a-f]{64})")
_SEAL_SIZE = len(_MARK) + 64
#: Bytes. Nearly all of a manifest are its findings.
_LARGEST_MANIFEST = 256 * 2**20
#: Bytes that are compressed, or read, at once: a whole number of SQLite's pages, whatever their size.
_PIECE = 16 * 2**20
#: zstd's. Of 222 MB levels 1, 3, 6 and 9 made 59, 56, 50 and 49 MB, in 1.2, 1.9, 5.3 and 9.6 s.
_LEVEL = 6
#: What zipfile, json and pyarrow raise for what --dump did not write.
_BAD = (
    zipfile.BadZipFile, zipfile.LargeZipFile, pa.ArrowException, OSError, EOFError, ValueError, TypeError, KeyError,
    AttributeError, RuntimeError, MemoryError,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The description of a dump, in its member manifest.json."""

    #: ISO 8601 with offset.
    written: str
    #: Name -> version of what wrote it.
    versions: Mapping[str, str]
    #: The database that was dumped: its path on its own machine, and the SHA-256 of its file.
    path: str
    sha256: str
    #: The name that it has in DATABASES, and the zone that its naive times mean.
    alias: str
    time_zone: str
    migrations: tuple[tuple[str, str], ...]
    #: As in report.json.
    findings: tuple[Mapping[str, Any], ...]
    #: The snapshot, decompressed.
    bytes: int
    snapshot_sha256: str = ""


def write(destination: Path, snapshot: Snapshot, manifest: Manifest, progress: Progress) -> DumpFacts:
    """Write a snapshot to a new file that only its owner can read, and read it back before it gets its name.

    Args:
        destination: A path where there is nothing yet.
        snapshot: The copy of the database. Its free pages are written as zeros: rows that were deleted stay behind.
        manifest: All of it but the SHA-256 of the snapshot.
        progress: Called with each piece that was written.

    Raises:
        DumpError: The file cannot be written, or is not what was written when it is read back.
        SourceError: The snapshot is not what it was when it was made.
    """
    require_unmodified_snapshot(snapshot)
    unfinished = destination.with_name(f"{destination.name}.{os.getpid()}.unfinished")
    try:
        with _new_file(unfinished) as file:
            _write_members(file, snapshot.path, manifest, progress)
            # The digest of all that is before the seal.
            size = file.seek(0, os.SEEK_END) - _SEAL_SIZE
            digest = _sha256(file, size).hexdigest()
            file.seek(size)
            file.write(_MARK + digest.encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        with DumpedSource(unfinished, lambda event: None) as written:
            facts = written.facts
        _rename(unfinished, destination)
    except OSError as error:
        raise DumpError(
            _("{path} cannot be written: {strerror}.", path=destination, strerror=error.strerror or error),
            remedy=_("Name a new file in a directory with room for it."),
        ) from error
    finally:
        # Where nothing can be written, a removal fails as well, even of what is not there.
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return replace(facts, path=str(destination))


def _new_file(path: Path) -> IO[bytes]:
    # Made private before there is anything in it to read.
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b")


def _write_members(file: IO[bytes], snapshot: Path, manifest: Manifest, progress: Progress) -> None:
    codec, digest, done = pa.Codec("zstd", compression_level=_LEVEL), hashlib.sha256(), 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        # No dates: two dumps of the same database at the same moment are the same.
        with archive.open(zipfile.ZipInfo(_SNAPSHOT), "w", force_zip64=True) as member:
            for piece in _without_free_pages(snapshot):
                digest.update(piece)
                member.write(codec.compress(piece, asbytes=True))
                done += len(piece)
                progress(Event(kind="progress", stage="dump", done=done, total=manifest.bytes))
        complete = replace(manifest, snapshot_sha256=digest.hexdigest())
        text = json.dumps({"format": FORMAT, **asdict(complete)}, indent=1)
        archive.writestr(zipfile.ZipInfo(_MANIFEST), text)
        archive.comment = _MARK + b"0" * 64


def _without_free_pages(path: Path) -> Iterator[bytearray]:
    """Read a database in pieces, its free pages as zeros."""
    size = read_header(path).page_size
    free = [(page - 1) * size for page in sorted(_free_pages(path))]
    with path.open("rb") as file:
        start = 0
        while piece := bytearray(file.read(_PIECE)):
            for offset in free[bisect_left(free, start) : bisect_left(free, start + len(piece))]:
                piece[offset - start : offset - start + size] = bytes(size)
            yield piece
            start += len(piece)


def _free_pages(path: Path) -> set[int]:
    """Return the numbers of the pages that are free, and may still hold what was deleted.

    They are the leaves of the freelist (https://www.sqlite.org/fileformat2.html#the_freelist), whose content SQLite
    never reads. A page that a table or an index uses is not among them, whatever a damaged freelist says.
    """
    free: set[int] = set()
    trunks = {0}
    size = read_header(path).page_size
    try:
        with path.open("rb") as file:
            (trunk,) = struct.unpack_from(">I", file.read(100), 32)
            while trunk not in trunks:
                trunks.add(trunk)
                file.seek((trunk - 1) * size)
                page = file.read(size)
                trunk, leaves = struct.unpack_from(">2I", page)
                free.update(struct.unpack_from(f">{leaves}I", page, 8))
        if free:
            # By the driver's SQLite: Python's need not have the dbstat table.
            with adbc_driver_sqlite.dbapi.connect(snapshot_uri(path)) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT pageno FROM dbstat")
                for batch in cursor.fetch_record_batch():
                    free.difference_update(batch.column(0).to_pylist())
    except (struct.error, adbc_driver_manager.Error, pa.ArrowException):
        # Nobody knows: all pages are written as they are.
        return set()
    return free


def _sha256(file: IO[bytes], size: int) -> Any:
    """Return the hash of the first bytes of a file, to which more can be added."""
    file.seek(0)
    found = hashlib.sha256()
    for start in range(0, size, _PIECE):
        found.update(file.read(min(_PIECE, size - start)))
    return found


def _rename(unfinished: Path, destination: Path) -> None:
    """Give the file its name, if nobody has taken that meanwhile."""
    try:
        os.link(unfinished, destination)
    except FileExistsError:
        raise
    except OSError:
        # A file system without hard links, as on many a USB stick.
        if destination.exists():
            raise
        unfinished.rename(destination)
    with contextlib.suppress(OSError):
        sync_to_disk(destination.parent)


class DumpedSource:
    """A dump in the place of a live source; a context manager.

    All of it is read before the constructor returns, and nothing is written. Raises DumpError where the file is not
    what --dump wrote.
    """

    def __init__(self, path: Path, progress: Progress) -> None:
        self._dump = path
        self._progress = progress
        try:
            self._file = path.open("rb")
        except FileNotFoundError:
            raise DumpError(
                _("There is no dump at {path}.", path=path),
                remedy=_("Name the file that --dump wrote: --from-dump FILE."),
            ) from None
        except OSError as error:
            raise DumpError(
                _("{path} cannot be read: {strerror}.", path=path, strerror=error.strerror),
                remedy=_("Run as a user who may read it."),
            ) from error
        try:
            self.facts = self._check_seal()
            self._read_archive()
            for _piece in self._pieces("validate"):
                pass
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def path(self) -> Path:
        """The file that was dumped, on its own machine."""
        return Path(self.manifest.path)

    @property
    def size(self) -> int:
        """Bytes of the snapshot."""
        return self.manifest.bytes

    def copy_pages(self, destination: Path) -> Snapshot:
        """Decompress the snapshot to a new file that only its owner can read.

        Raises DumpError where the file is not what the manifest says or no database, and SourceError where there is no
        room for it.
        """
        require_space(destination.parent, self.size)
        file = _new_file(destination)
        try:
            with file:
                for piece in self._pieces("snapshot"):
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.closing(open_snapshot(destination)) as database:
                database.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.Error as error:
            destination.unlink(missing_ok=True)
            raise self._wrong(_("SQLite cannot read its snapshot: {error}", error=error)) from error
        except BaseException:
            destination.unlink(missing_ok=True)
            raise
        return Snapshot(
            source=self.path,
            path=destination,
            size=self.size,
            sha256=self.manifest.snapshot_sha256,
            source_sha256=self.manifest.sha256,
            dump=self.facts,
        )

    def with_checksums(self, snapshot: Snapshot) -> Snapshot:
        """Return the record as it is: the checksums are those of the manifest."""
        return snapshot

    def has_changed(self) -> bool:
        """Return False: nobody writes to a dump."""
        return False

    def require_unchanged(self, snapshot: Snapshot) -> None:
        """Accept it: a dump never is changed."""

    def changes(self, snapshot: Snapshot) -> tuple[str, ...]:
        """Return no changes."""
        return ()

    def _check_seal(self) -> DumpFacts:
        """Return the facts of the file, but for the date, which the manifest has."""
        size = os.fstat(self._file.fileno()).st_size
        self._file.seek(max(0, size - _SEAL_SIZE))
        seal = _SEAL.fullmatch(self._file.read(_SEAL_SIZE))
        if seal is None:
            raise DumpError(
                _("{path} is no dump of migrate_to_pg, or its end is missing.", path=self._dump),
                remedy=_("Name a file that --dump has written; copy it again where it was cut off on its way."),
            )
        found = _sha256(self._file, size - _SEAL_SIZE)
        if found.hexdigest().encode("ascii") != seal["digest"]:
            raise DumpError(
                _("{path} is not what was written: its SHA-256 is not the one at its end.", path=self._dump),
                remedy=_("Copy it again from the machine where it was made, or make it again."),
            )
        found.update(seal[0])
        return DumpFacts(path=str(self._dump), bytes=size, sha256=found.hexdigest(), written="")

    def _read_archive(self) -> None:
        try:
            self._archive = zipfile.ZipFile(self._file)
            self.manifest = self._read_manifest()
        except _BAD as error:
            raise self._wrong(str(error) or type(error).__name__) from error
        self.facts = replace(self.facts, written=self.manifest.written)
        # No member is ever written to a path of its own.
        infos = self._archive.infolist()
        names = [info.filename for info in infos]
        if names != [_SNAPSHOT, _MANIFEST]:
            odd = sorted({*names} ^ {_SNAPSHOT, _MANIFEST}) or names
            raise self._wrong(_("its members are not those of the manifest: {names}", names=", ".join(odd[:5])))
        if any(info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size for info in infos):
            raise self._wrong(_("a member is compressed otherwise than --dump does"))
        try:
            ZoneInfo(self.manifest.time_zone)
        except (ValueError, OSError, KeyError) as error:
            raise DumpError(
                _("This machine does not know the time zone of the dump: {zone}.", zone=self.manifest.time_zone),
                remedy=_("Install the time zones: the tzdata package."),
            ) from error

    def _read_manifest(self) -> Manifest:
        info = self._archive.getinfo(_MANIFEST)
        if info.file_size > _LARGEST_MANIFEST or info.compress_type != zipfile.ZIP_STORED:
            raise ValueError(_MANIFEST)
        data: Any = json.loads(self._archive.read(info))
        values = data if isinstance(data, dict) else {}
        if values.get("format") != FORMAT:
            versions = values.get("versions")
            raise DumpError(
                _(
                    "{path} is a dump of format {format}; this version of migrate_to_pg reads format {known}.",
                    path=self._dump,
                    format=values.get("format"),
                    known=FORMAT,
                ),
                remedy=_(
                    "Load it with the migrate_to_pg that wrote it, version {version} as of {written}; or dump the"
                    " database again with this one.",
                    version=versions.get("migrate_to_pg", "?") if isinstance(versions, dict) else "?",
                    written=values.get("written", "?"),
                ),
            )
        manifest = Manifest(**{key: value for key, value in values.items() if key != "format"})
        texts = (manifest.written, manifest.path, manifest.sha256, manifest.alias, manifest.time_zone)
        if any(type(text) is not str for text in (*texts, manifest.snapshot_sha256)):
            raise TypeError(_MANIFEST)
        if type(manifest.bytes) is not int or manifest.bytes < 0:
            raise ValueError(_MANIFEST)
        for text in texts:
            os.fsencode(text)  # UnicodeEncodeError, a ValueError, where no path or report could hold it
        return manifest

    def _pieces(self, stage: str) -> Iterator[bytes]:
        """Decompress the snapshot: never more of it than the manifest says, and to its end only if it is the same."""
        digest, done = hashlib.sha256(), 0
        try:
            with self._archive.open(_SNAPSHOT) as member, pa.CompressedInputStream(member, "zstd") as stream:
                while piece := stream.read(min(_PIECE, self.size - done + 1)):
                    done += len(piece)
                    digest.update(piece)
                    if done > self.size:
                        break
                    yield piece
                    self._progress(Event(kind="progress", stage=stage, done=done, total=self.size))
        except _BAD as error:
            raise self._wrong(str(error) or type(error).__name__) from error
        if done != self.size or digest.hexdigest() != self.manifest.snapshot_sha256:
            raise self._wrong(_("its snapshot is not the one that the manifest describes"))

    def _wrong(self, reason: str) -> DumpError:
        return DumpError(
            _("{path} is not as --dump writes it: {reason}.", path=self._dump, reason=reason),
            remedy=_("Nothing was written. Copy it again from the machine where it was made, or make it again."),
        )
