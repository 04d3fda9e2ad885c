"""Dumps that are none, that were damaged on their way, or that somebody wrote by hand: refused, and no file is made."""

from __future__ import annotations

import hashlib
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from migrate_to_pg.errors import ArchiveError
from tests.integration.dumping import SEAL, dump, load, repack, seal, with_manifest


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
    with pytest.raises(ArchiveError) as refused:
        load(file, to)
    assert any(sentence in str(refused.value) for sentence in sentences), refused.value
    assert "\n" not in str(refused.value)
    assert not to.exists()


def test_every_single_byte_counts(file: Path) -> None:
    raw = bytearray(file.read_bytes())
    for place in range(len(raw)):
        raw[place] ^= 1 << place % 8
        file.write_bytes(raw)
        with pytest.raises(ArchiveError, match=r"SHA-256 is not the one at its end|is no dump of migrate_to_pg"):
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


MANY: dict[str, tuple[Callable[[list[Any]], list[Any]], str]] = {
    "a newer format": (with_manifest(lambda m: m.update(format=2)), "is a dump of format 2"),
    "a manifest that is none": (lambda members: [*members[:-1], ("manifest.json", "[]")], "is a dump of format None"),
    "no JSON": (lambda members: [*members[:-1], ("manifest.json", "{")], "is not as --dump writes it"),
    "no manifest": (lambda members: members[:-1], "is not as --dump writes it"),
    "no tables": (with_manifest(lambda m: m.pop("tables")), "is not as --dump writes it"),
    "a text for a number": (with_manifest(lambda m: m["tables"][0].update(rows="1")), "is not as --dump writes it"),
    "an unknown class": (
        with_manifest(lambda m: m["tables"][0]["columns"][0].update(classes=["x"])),
        "is not as --dump writes it",
    ),
    "an unknown key": (with_manifest(lambda m: m.update(more=1)), "is not as --dump writes it"),
    "a row too many": (
        with_manifest(lambda m: m["tables"][0].update(rows=m["tables"][0]["rows"] + 1)),
        "its rows are not those that the manifest tells of",
    ),
    "another fingerprint": (
        with_manifest(lambda m: m["tables"][0].update(sha256="0" * 64)),
        "its rows are not those that the manifest tells of",
    ),
    "an unknown time zone": (with_manifest(lambda m: m.update(time_zone="../x")), "does not know the time zone"),
    "a way out": (lambda members: [("../x", b""), *members], "its members are not those of the manifest: ../x"),
    "an absolute path": (lambda members: [("/x", b""), *members], "its members are not those of the manifest"),
    "a member twice": (lambda members: [members[0], *members], "its members are not those of the manifest"),
    "a member less": (lambda members: members[1:], "its members are not those of the manifest: tables/0000.arrow"),
    "members in another order": (
        lambda members: [members[1], members[0], *members[2:]],
        "its members are not those of the manifest",
    ),
    "the rows of another table": (
        lambda members: [("tables/0000.arrow", members[1][1]), *members[1:]],
        "does not hold table",
    ),
    "words for rows": (lambda members: [("tables/0000.arrow", b"words" * 99), *members[1:]], "does not hold table"),
    "a compressed member": (
        lambda members: [(*members[0], zipfile.ZIP_DEFLATED), *members[1:]],
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


def test_a_batch_that_says_it_is_larger_than_memory_is_refused(file: Path) -> None:
    zstd = b"\x28\xb5\x2f\xfd"

    def inflate(members: list[Any]) -> list[Any]:
        name, data = next(member for member in members if zstd in member[1])
        frame = data.index(zstd)
        larger = data[: frame - 8] + (2**60).to_bytes(8, "little") + data[frame:]
        return [(other, larger if other == name else kept) for other, kept in members]

    repack(file, inflate)
    check_refused(file, "does not hold table")


def test_a_database_that_is_not_what_was_dumped_is_not_given_out(file: Path) -> None:
    """The rows are those of the manifest, but read through another definition they are others."""

    def change(manifest: Any) -> None:
        line = next(line for line in manifest["database"]["schema"] if line["name"] == "u")
        line["sql"] = "CREATE TABLE u (a real, c)"

    repack(file, with_manifest(change))
    check_refused(file, "What was made of the dump is not what was dumped: u.")


def test_a_line_of_the_schema_under_another_name_is_told(file: Path) -> None:
    def change(manifest: Any) -> None:
        line = next(line for line in manifest["database"]["schema"] if line["name"] == "u")
        line["sql"] = "CREATE TABLE v (a, b)"

    repack(file, with_manifest(change))
    with pytest.raises((ArchiveError, sqlite3.Error)):
        load(file, file.with_name("never.sqlite3"))
    assert not file.with_name("never.sqlite3").exists()


def test_a_schema_that_sqlite_refuses_is_told(file: Path) -> None:
    def change(manifest: Any) -> None:
        manifest["database"]["schema"][0]["sql"] = "words"

    repack(file, with_manifest(change))
    check_refused(file, "the database cannot be made again: malformed database schema")
