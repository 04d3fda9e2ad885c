"""A database's files as they may lie there: cut short, beside a -wal or -journal of another one, with more behind."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from migrate_to_pg.errors import SourceError
from migrate_to_pg.sqlite import snapshot
from migrate_to_pg.sqlite.checksums import file_sha256
from migrate_to_pg.sqlite.snapshot import Source

Make = Callable[..., Path]
PAGE = 4096


@pytest.fixture
def make_file(tmp_path: Path) -> Make:
    """make_file(name, mode="wal"): a database of some 30 pages, as a program that was killed leaves it."""

    def one(name: str = "db.sqlite3", *, mode: str = "delete", page: int = PAGE, busy: str = "") -> Path:
        live, left = tmp_path / f"live {name}", tmp_path / name
        with closing(sqlite3.connect(live, isolation_level=None)) as database:
            for pragma in (f"page_size = {page}", "auto_vacuum = FULL", f"journal_mode = {mode}", "cache_size = 1"):
                database.execute(f"PRAGMA {pragma}").fetchall()
            database.execute("CREATE TABLE t (id integer PRIMARY KEY, body)")
            fill(database)
            if busy:
                database.execute("BEGIN")
                database.execute(busy)
            for suffix in ("", "-wal", "-journal"):
                if Path(f"{live}{suffix}").exists():
                    shutil.copyfile(f"{live}{suffix}", f"{left}{suffix}")
        return left

    return one


def fill(database: sqlite3.Connection) -> None:
    database.execute(
        "WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300)"
        " INSERT INTO t (body) SELECT randomblob(300) FROM n"
    )


def copied(path: Path) -> tuple[str, ...]:
    """What the copy leaves unread; it holds all rows."""
    copy = path.with_name("copy")
    copy.unlink(missing_ok=True)
    with Source(path, wait=1) as source:
        source.copy(copy)
        with closing(sqlite3.connect(copy)) as database:
            assert database.execute("SELECT count(*), sum(length(body)) FROM t").fetchone() == (300, 90_000)
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return source.unread


def refused(path: Path) -> str:
    """The message of the error that it is not copied for; nothing of the files is changed."""
    path.with_name("copy").unlink(missing_ok=True)
    files = {file: file_sha256(file) for file in path.parent.glob(f"{path.name}*")}
    with pytest.raises(SourceError) as told, Source(path, wait=1) as source:
        source.copy(path.with_name("copy"))
    assert all(file_sha256(file) == digest for file, digest in files.items())
    assert not path.with_name("copy").exists()
    assert told.value.remedy
    return str(told.value)


@pytest.mark.parametrize("lost", [1, 3, PAGE - 1, PAGE, PAGE + 1, 5 * PAGE])
def test_a_file_whose_end_is_missing_is_refused_with_both_sizes(lost: int, make_file: Make) -> None:
    path = make_file()
    size = path.stat().st_size
    os.truncate(path, size - lost)
    told = refused(path)
    assert "is cut short" in told
    assert f"{size - lost:,} bytes" in told
    assert f"take {size:,}" in told


def test_a_file_that_does_not_count_its_pages_is_measured_by_its_own_size(make_file: Make) -> None:
    """Versions of SQLite before 3.7 left the number of pages alone, which a counter beside it tells."""
    path = make_file()
    old = bytearray(path.read_bytes())
    old[92:96] = bytes(4)
    path.write_bytes(old)
    assert copied(path) == ()
    os.truncate(path, len(old) - 3)
    assert "is cut short" in refused(path)


@pytest.mark.parametrize("page", [512, PAGE, 65536])
def test_pages_that_are_in_the_wal_alone_are_no_loss(page: int, make_file: Make) -> None:
    path = make_file(mode="wal", page=page)
    assert path.stat().st_size < 90_000
    assert copied(path) == ()
    # Killed while it wrote the -wal back: the last page may be there in part.
    with path.open("ab") as file:
        file.write(b"\1" * 100)
    assert copied(path) == ()


def test_what_stands_behind_the_last_page_is_told(make_file: Make) -> None:
    path = make_file()
    with path.open("ab") as file:
        file.write(b"\0" * 5000)
    assert ["5,000 bytes behind its last page" in told for told in copied(path)] == [True]


def test_a_wal_of_another_database_is_refused(make_file: Make) -> None:
    wal = Path(f"{make_file('one', mode='wal')}-wal")
    rollback = make_file("two")
    shutil.copyfile(wal, f"{rollback}-wal")
    assert "is not in WAL mode" in refused(rollback)
    other = make_file("three", mode="wal", page=8192)
    shutil.copyfile(wal, f"{other}-wal")
    assert "pages of 4,096 bytes" in refused(other)


def test_a_wal_that_is_older_than_its_database_is_refused(make_file: Make) -> None:
    path = make_file(mode="wal")
    old = Path(f"{path}-wal").read_bytes()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for name in "uvw":
            database.execute(f"CREATE TABLE {name} (x)")
            assert database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    Path(f"{path}-wal").write_bytes(old)
    assert "is older than" in refused(path)


def test_a_wal_with_a_damaged_page_is_told(make_file: Make) -> None:
    path = make_file(mode="wal")
    wal, frame = Path(f"{path}-wal"), 24 + PAGE
    damaged = bytearray(wal.read_bytes())
    count = (len(damaged) - 32) // frame
    damaged[32 + (count - 1) * frame + 24 + 100] ^= 1
    wal.write_bytes(damaged)
    with Source(path, wait=1) as source:
        source.copy(path.with_name("copy"))
        (told,) = source.unread
    assert f"does not read the last 1 of its {count:,} pages" in told


def test_a_wal_without_a_header_is_told_and_an_empty_or_zeroed_one_is_not(make_file: Make) -> None:
    path = make_file()
    wal = Path(f"{path}-wal")
    for content, told in ((b"", False), (bytes(32 + 24 + PAGE), False), (b"?" * (32 + 24 + PAGE), True)):
        wal.write_bytes(content)
        assert bool(copied(path)) is told


def test_a_journal_of_another_database_is_told_as_such(make_file: Make) -> None:
    busy = make_file("busy", busy="UPDATE t SET body = randomblob(300)")
    assert "is cut short" not in refused(busy)
    other = make_file("other", page=1024)
    shutil.copyfile(f"{busy}-journal", f"{other}-journal")
    assert "belongs to another one" in refused(other)


# --- looked at again ---


def overwrite_in_place(path: Path) -> None:
    """Another content, under the same counter, size and time."""
    times = path.stat()
    whole = bytearray(path.read_bytes())
    whole[-50:-40] = b"0123456789"
    with path.open("r+b") as file:
        file.write(whole)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_source_that_was_overwritten_in_place_is_found_by_its_content(mode: str, make_file: Make) -> None:
    path = make_file(mode=mode)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with Source(path, wait=1) as source:
        snapshot = source.copy(path.with_name("copy"))
        assert not source.has_changed()
        # Times alone say nothing.
        path.touch()
        assert not source.has_changed()
        assert not source.has_changed()
        overwrite_in_place(path)
        assert source.has_changed()
        with pytest.raises(SourceError, match="was written to after the snapshot"):
            source.require_unchanged(snapshot)
    assert [file.name for file in path.parent.glob("copy*")] == ["copy"]


def test_a_checkpoint_is_no_change(make_file: Make) -> None:
    path = make_file(mode="wal")
    with closing(sqlite3.connect(path, isolation_level=None)) as database, Source(path, wait=1) as source:
        database.execute("SELECT * FROM t").fetchone()
        source.copy(path.with_name("copy"))
        before = file_sha256(path)
        assert database.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0] == 0
        assert file_sha256(path) != before
        assert not source.has_changed()
        database.execute("DELETE FROM t WHERE id = 1")
        assert source.has_changed()


def test_a_database_in_wal_mode_that_nobody_wrote_to_is_copied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked before the commit, under locks: a second copy would hold them as long as it takes."""
    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as application:
        application.execute("PRAGMA journal_mode = wal")
        application.execute("CREATE TABLE t (x)")
        for written in (True, False):
            copies: list[int] = []
            copy = snapshot._copy
            monkeypatch.setattr(
                snapshot, "_copy", lambda *files, made=copies, copy=copy: (made.append(1), copy(*files))
            )
            if written:
                application.execute("INSERT INTO t VALUES (1)")
            else:
                application.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            with Source(path) as source:
                source.copy(tmp_path / f"copy-{written}")
                assert [source.has_changed() for _ in range(3)] == [False] * 3
                assert copies == [1]
                application.execute("INSERT INTO t VALUES (2)")
                assert source.has_changed()
