"""Dumps that are none, that were damaged on their way, or that somebody wrote by hand: refused, and no file is made."""

from __future__ import annotations

import hashlib
import json
import resource
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from migrate_to_pg.dumpfile import DumpedSource
from migrate_to_pg.errors import DumpError, SourceError
from tests.integration.dumping import SEAL, dump, load, repack, seal, with_manifest

SNAPSHOT = "snapshot.sqlite3.zst"
DESCRIBED = "its snapshot is not the one that the manifest describes"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dump of a few tables."""
    path = tmp_path_factory.mktemp("made") / "db.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE t (id integer PRIMARY KEY, a text UNIQUE, b);"
            " INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 'z');"
            " CREATE TABLE u (a, b); INSERT INTO u VALUES (1, x'00'), (2.5, 'v');"
            " WITH RECURSIVE n (i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 99) INSERT INTO t"
            " SELECT i, 't' || i, 'the same' FROM n; CREATE INDEX i ON u (a)"
        )
    dump(path, path.with_suffix(".dump"))
    return path.with_suffix(".dump")


@pytest.fixture
def file(made: Path, tmp_path: Path) -> Path:
    """A copy of it that may be changed."""
    copy = tmp_path / "copy.dump"
    copy.write_bytes(made.read_bytes())
    return copy


def check_refused(file: Path, *sentences: str) -> None:
    to = file.with_name("never.sqlite3")
    with pytest.raises(DumpError) as refused:
        load(file, to)
    assert any(sentence in str(refused.value) for sentence in sentences), refused.value
    assert "\n" not in str(refused.value)
    assert not to.exists()


def test_every_single_byte_counts(file: Path) -> None:
    raw = bytearray(file.read_bytes())
    for place in range(len(raw)):
        raw[place] ^= 1 << place % 8
        file.write_bytes(raw)
        with pytest.raises(DumpError, match=r"SHA-256 is not the one at its end|is no dump of migrate_to_pg"):
            load(file, file.with_name("never.sqlite3"))
        raw[place] ^= 1 << place % 8
    assert sorted(path.name for path in file.parent.iterdir()) == ["copy.dump"]


def test_what_is_cut_off_or_longer_is_refused(file: Path) -> None:
    raw = file.read_bytes()
    for length in range(0, len(raw), 7):
        file.write_bytes(raw[:length])
        check_refused(file, "is no dump of migrate_to_pg, or its end is missing")
    file.write_bytes(raw + b"\n")
    check_refused(file, "is no dump of migrate_to_pg, or its end is missing")
    file.write_bytes(raw[: len(raw) // 2] + raw[-len(SEAL) - 64 :])
    check_refused(file, "its SHA-256 is not the one at its end")


def test_files_of_others_are_refused(file: Path) -> None:
    for content in (b"", b"words", SEAL, b"SQLite format 3\0" * 99):
        file.write_bytes(content)
        check_refused(file, "is no dump of migrate_to_pg")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("manifest.json", "{}")
    check_refused(file, "is no dump of migrate_to_pg")
    file.write_bytes(SEAL + hashlib.sha256(b"").hexdigest().encode())
    check_refused(file, "is not as --dump writes it")
    check_refused(file.with_name("nothing"), "There is no dump at")


def compressed(*pages: bytes) -> bytes:
    return b"".join(pa.Codec("zstd").compress(page, asbytes=True) for page in pages)


def other_snapshot(pages: bytes, **more: object) -> Callable[[list[Any]], list[Any]]:
    """Another snapshot, of which the manifest knows."""
    described = {"bytes": len(pages), "snapshot_sha256": hashlib.sha256(pages).hexdigest()} | more
    change = with_manifest(lambda manifest: manifest.update(described))
    return lambda members: change([(SNAPSHOT, compressed(pages)), *members[1:]])


MANY: dict[str, tuple[Callable[[list[Any]], list[Any]], str]] = {
    "a newer format": (with_manifest(lambda m: m.update(format=3)), "is a dump of format 3"),
    "a manifest that is none": (lambda members: [*members[:-1], ("manifest.json", "[]")], "is a dump of format None"),
    "no JSON": (lambda members: [*members[:-1], ("manifest.json", "{")], "is not as --dump writes it"),
    "no manifest": (lambda members: members[:-1], "is not as --dump writes it"),
    "no path": (with_manifest(lambda m: m.pop("path")), "is not as --dump writes it"),
    "a text for a number": (with_manifest(lambda m: m.update(bytes=str(m["bytes"]))), "is not as --dump writes it"),
    "an unknown key": (with_manifest(lambda m: m.update(more=1)), "is not as --dump writes it"),
    "a byte too many": (with_manifest(lambda m: m.update(bytes=m["bytes"] + 1)), DESCRIBED),
    "a byte too few": (with_manifest(lambda m: m.update(bytes=m["bytes"] - 1)), DESCRIBED),
    "no byte": (with_manifest(lambda m: m.update(bytes=0)), DESCRIBED),
    "less than nothing": (with_manifest(lambda m: m.update(bytes=-(2**40))), "is not as --dump writes it"),
    "more than any disk has": (with_manifest(lambda m: m.update(bytes=2**70)), DESCRIBED),
    "another fingerprint": (with_manifest(lambda m: m.update(snapshot_sha256="0" * 64)), DESCRIBED),
    "an unknown time zone": (with_manifest(lambda m: m.update(time_zone="../x")), "does not know the time zone"),
    "a way out": (lambda members: [("../x", b""), *members], "its members are not those of the manifest: ../x"),
    "an absolute path": (lambda members: [("/x", b""), *members], "its members are not those of the manifest"),
    "another name": (
        lambda members: [("../x", members[0][1]), members[1]],
        "its members are not those of the manifest",
    ),
    "a member twice": (lambda members: [members[0], *members], "its members are not those of the manifest"),
    "a member less": (lambda members: members[1:], f"its members are not those of the manifest: {SNAPSHOT}"),
    "members in another order": (lambda members: members[::-1], "its members are not those of the manifest"),
    "another snapshot": (lambda members: [(SNAPSHOT, compressed(bytes(8192))), members[1]], DESCRIBED),
    "nothing": (lambda members: [(SNAPSHOT, b""), members[1]], DESCRIBED),
    "half of it": (lambda members: [(SNAPSHOT, members[0][1][:-9]), members[1]], "is not as --dump writes it"),
    "words for it": (lambda members: [(SNAPSHOT, b"words" * 99), members[1]], "is not as --dump writes it"),
    "words after it": (
        lambda members: [(SNAPSHOT, members[0][1] + b"words"), members[1]],
        "is not as --dump writes it",
    ),
    "more after it": (lambda members: [(SNAPSHOT, members[0][1] + compressed(b"x")), members[1]], DESCRIBED),
    "a bomb": (lambda members: [(SNAPSHOT, compressed(*[bytes(2**26)] * 9)), members[1]], DESCRIBED),
    "another file than a database": (other_snapshot(b"words" * 999), "SQLite cannot read its snapshot"),
    "half of a page": (other_snapshot(b"SQLite format 3\0".ljust(300, b"\0")), "SQLite cannot read its snapshot"),
    "a compressed member": (
        lambda members: [(*members[0], zipfile.ZIP_DEFLATED), members[1]],
        "is compressed otherwise than --dump does",
    ),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", MANY)
def test_an_archive_of_other_members_is_refused_though_its_seal_holds(file: Path, name: str) -> None:
    change, told = MANY[name]
    repack(file, change)
    check_refused(file, told)


def test_a_member_that_says_it_is_larger_than_it_is_is_refused(file: Path) -> None:
    raw = bytearray(file.read_bytes())
    # The size before compression, in the central directory's entry of the first member.
    entry = raw.index(b"PK\x01\x02")
    raw[entry + 24 : entry + 28] = (2**31).to_bytes(4, "little")
    file.write_bytes(raw)
    seal(file)
    check_refused(file, "is compressed otherwise than --dump does", "is not as --dump writes it")


def test_a_frame_that_says_it_is_larger_than_memory_is_refused(file: Path) -> None:
    # A frame header with a window of 2 GiB and a content of 2^60 bytes, and what is there of it: nothing.
    frame = b"\x28\xb5\x2f\xfd\xc0\xa8" + (2**60).to_bytes(8, "little")
    repack(file, lambda members: [(SNAPSHOT, frame), members[1]])
    check_refused(file, "is not as --dump writes it")


def test_a_bomb_takes_no_more_memory_than_any_other_dump(file: Path) -> None:
    """Refused after what the manifest lets it have, and never held whole."""
    repack(file, lambda members: [(SNAPSHOT, compressed(bytes(2**26)) * 64), members[1]])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    check_refused(file, DESCRIBED)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_a_snapshot_that_no_disk_has_room_for_is_refused_before_it_is_written(file: Path) -> None:
    to = file.with_name("never.sqlite3")
    with DumpedSource(file, lambda event: None) as source:
        source.manifest = replace(source.manifest, bytes=2**60)
        with pytest.raises(SourceError, match=r"The run needs .+ are free\."):
            source.copy_pages(to)
    assert not to.exists()


def test_a_dump_that_changes_while_it_is_read_is_not_given_out(tmp_path: Path) -> None:
    path, file, to = tmp_path / "db.sqlite3", tmp_path / "a.dump", tmp_path / "never.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE t (a); INSERT INTO t VALUES (randomblob(1000000))")
    dump(path, file)
    with DumpedSource(file, lambda event: None) as source:
        raw = bytearray(file.read_bytes())
        raw[len(raw) // 2] ^= 1
        file.write_bytes(raw)
        with pytest.raises(DumpError, match="is not as --dump writes it"):
            source.copy_pages(to)
    assert not to.exists()


def test_a_dump_of_rows_as_the_first_format_had_them_names_what_reads_it(file: Path) -> None:
    manifest = {
        "format": 1,
        "written": "2026-01-12T10:00:00+01:00",
        "versions": {"migrate_to_pg": "0.1.0"},
        "tables": [],
    }
    repack(file, lambda members: [("tables/0000.arrow", b"rows"), ("manifest.json", json.dumps(manifest))])
    with pytest.raises(
        DumpError, match="is a dump of format 1; this version of migrate_to_pg reads format 2"
    ) as refused:
        load(file, file.with_name("never.sqlite3"))
    assert refused.value.remedy == (
        "Load it with the migrate_to_pg that wrote it, version 0.1.0 as of 2026-01-12T10:00:00+01:00; or dump the"
        " database again with this one."
    )
