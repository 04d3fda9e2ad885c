"""A source that is not left alone: written to, taken away, damaged, on a disk that takes no writes, or very large."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from migrate_to_pg.sqlite.checksums import file_sha256
from tests.conftest import ROOT, Server
from tests.faults.conftest import MakeWorld, World, check_told
from tests.projects import digest

full = pytest.mark.full
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a directory")


def test_the_source_is_open_for_reading_only(world: World) -> None:
    standing = world.at("load:stage")
    process = Path("/proc", str(standing.process.pid))
    numbers = [link.name for link in (process / "fd").iterdir() if link.readlink() == world.source]
    told = [(process / "fdinfo" / number).read_text().split() for number in numbers]
    flags = {int(words[words.index("flags:") + 1], 8) & os.O_ACCMODE for words in told}
    assert flags == {os.O_RDONLY}
    check_told(standing.go(), "Published", status=0)


# --- taken away, or damaged ---


def replace(path: Path) -> None:
    other = path.with_name("other.sqlite3")
    shutil.copyfile(path, other)
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("UPDATE courses_course SET title = 'of another file'")
    other.replace(path)


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


def overwrite_the_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\0" * 4096)


def content(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


BECAME = {
    Path.unlink: "is no longer there. Nothing was published.",
    replace: "Another file was put in the place of",
    cut_off: "SQLite cannot read",
    overwrite_the_header: "SQLite cannot read",
}


@pytest.mark.full
@pytest.mark.parametrize("moment", ["load:progress", pytest.param("publish:stage", marks=full)])
@pytest.mark.parametrize("harm", [Path.unlink, *(pytest.param(h, marks=full) for h in list(BECAME)[1:])])
def test_a_source_that_is_damaged_midway_stops_the_run_which_keeps_the_snapshot(
    harm: Callable[[Path], None], moment: str, world: World
) -> None:
    before = content(world.source)
    standing = world.at(moment)
    harm(world.source)
    result = standing.go()
    [kept] = world.reports.rglob("snapshot.sqlite3")
    check_told(result, BECAME[harm], f"The snapshot is complete, and is kept: {kept}")
    assert world.unpublished()
    # The remedy: the database is put back from it.
    shutil.copyfile(kept, world.source)
    assert content(world.source) == before
    world.recovers()


def test_a_page_overwritten_after_the_snapshot_stops_the_run_without_a_new_counter(
    world: World,
) -> None:
    with closing(sqlite3.connect(world.source)) as connection:
        [(page,)] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'courses_course'")
    before = world.source.read_bytes()
    standing = world.at("load:progress")
    with world.source.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    check_told(standing.go(), "was written to after the snapshot", "courses_course: database disk image is malformed")
    assert world.unpublished()
    world.source.write_bytes(before)
    world.recovers()


@full
@pytest.mark.parametrize("harm", [cut_off, overwrite_the_header, Path.unlink])
def test_a_source_that_is_harmed_before_it_is_copied(harm: Callable[[Path], None], world: World) -> None:
    whole = world.source.read_bytes()
    standing = world.at("snapshot:stage")
    harm(world.source)
    check_told(standing.go(), str(world.source))
    assert world.unpublished()
    world.source.write_bytes(whole)
    world.unharmed()
    shutil.rmtree(world.reports)
    world.recovers()


# --- written to ---

SUM = "SELECT (SELECT sum(hours_cm) FROM courses_course) + (SELECT sum(hours) FROM attributions_attribution)"


@contextmanager
def writing(source: Path) -> Iterator[list[int]]:
    """While it lasts, 500 transactions are committed in a second; how many it were, afterwards."""
    command = [sys.executable, "-m", "tests.faults.writer", str(source)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        counts: list[int] = []
        try:
            yield counts
        finally:
            out, _ = process.communicate()
            counts.append(int(out))


@pytest.mark.parametrize("mode", [pytest.param("delete", marks=full), "wal"])
def test_a_busy_writer_is_seen_in_one_committed_state_or_refused(mode: str, world: World) -> None:
    with closing(sqlite3.connect(world.source)) as connection, connection:
        connection.execute("UPDATE courses_course SET hours_cm = 200")
        connection.execute("UPDATE attributions_attribution SET hours = 200")
        connection.commit()
        connection.execute(f"PRAGMA journal_mode = {mode}")
        (total,) = connection.execute(SUM).fetchone()
    begun = time.monotonic()
    with writing(world.source) as counts:
        refused = world.run()
        check_told(refused, "was written to after the snapshot", "--lock-source", "courses_course: ")
        assert world.unpublished()
        accepted = world.run("--accept-stale")
    check_told(accepted, "Written to SQLite after the snapshot, and not moved: courses_course: ", status=0)
    assert counts[0] > 100 * (time.monotonic() - begun)
    world.clean()
    world.published()
    assert world.sql(SUM) == [(total,)]
    with closing(sqlite3.connect(world.source)) as connection:
        assert connection.execute(SUM).fetchone() == (total,)
        connection.create_function("REGEXP", 2, lambda pattern, text: True)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


# --- left by a program that was killed ---


def leave_a_wal(source: Path) -> None:
    """As a writer leaves it that is killed: all of its rows in the -wal, no -shm, nobody there."""
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("UPDATE courses_course SET title = 'in the wal'")
        connection.commit()
        files = {name: Path(f"{source}{name}").read_bytes() for name in ("", "-wal")}
    for name, content in files.items():
        Path(f"{source}{name}").write_bytes(content)
    Path(f"{source}-shm").unlink(missing_ok=True)


def test_what_a_killed_writer_left_in_the_wal_is_moved_and_neither_file_is_touched(world: World) -> None:
    leave_a_wal(world.source)
    files = (world.source, Path(f"{world.source}-wal"))
    before = [digest(path) for path in files]
    assert files[1].stat().st_size > 0
    assert world.run().returncode == 0
    assert [digest(path) for path in files] == before
    assert world.sql("SELECT DISTINCT title FROM courses_course") == [("in the wal",)]
    world.clean()


# --- where nothing can be written ---


@pytest.fixture
def lock_directory(world: World) -> Iterator[Callable[[], None]]:
    """Make the source's directory one that takes no writes, not even root's."""
    place = str(world.source.parent)
    mounted = []

    def lock() -> None:
        subprocess.run(["mount", "--bind", place, place], check=True)
        mounted.append(place)
        subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)

    yield lock
    for each in mounted:
        subprocess.run(["umount", each], check=True)


@full
@needs_root
def test_a_source_in_a_directory_that_takes_no_writes_is_moved(
    world: World, lock_directory: Callable[[], None]
) -> None:
    with closing(sqlite3.connect(world.source)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    lock_directory()
    world.recovers()
    assert sorted(path.name for path in world.source.parent.iterdir()) == ["db.sqlite3"]


@full
@needs_root
def test_one_in_wal_mode_there_is_moved_by_a_copy_of_its_files(
    world: World, lock_directory: Callable[[], None]
) -> None:
    leave_a_wal(world.source)
    lock_directory()
    before = {path.name: file_sha256(path) for path in world.source.parent.iterdir()}
    assert world.run().returncode == 0
    assert {path.name: file_sha256(path) for path in world.source.parent.iterdir()} == before
    assert world.sql("SELECT DISTINCT title FROM courses_course") == [("in the wal",)]
    world.clean()


# --- very large ---

MB = 2**20
ROWS, ROW = 62, 50 * MB


@full
def test_three_gigabytes_cross_within_400_mb_of_memory(make_world: MakeWorld, servers: dict[int, Server]) -> None:
    world = make_world(servers[18].database())
    with closing(sqlite3.connect(world.source, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TABLE scans (id integer PRIMARY KEY, image blob)")
        for _ in range(ROWS):
            connection.execute("INSERT INTO scans (image) VALUES (zeroblob(?))", [ROW])
    assert world.source.stat().st_size > 3_000 * MB
    check_told(world.run("--check"), "leftover-table scans", status=0)
    before = digest(world.source)
    process = psutil.Process(world.start("--leftovers", "skip").pid)
    peak = 0
    while world.started[-1].poll() is None:
        try:
            peak = max(peak, *(each.memory_info().rss for each in (process, *process.children(recursive=True))))
        except psutil.NoSuchProcess:
            break
        time.sleep(0.02)
    out, err = world.started[-1].communicate()
    assert world.started[-1].returncode == 0, out + err
    assert peak < 400 * MB
    assert digest(world.source) == before
    world.clean()
    [kept] = world.reports.rglob("snapshot.sqlite3")
    # Not to the byte: SQLite counts the changes of the copy as well.
    assert kept.stat().st_size == world.source.stat().st_size
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT count(*), sum(length(image)) FROM scans").fetchone() == (ROWS, ROWS * ROW)
    kept.unlink()
    world.source.unlink()
