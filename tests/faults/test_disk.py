"""Disks that become full, the server's or that of the snapshot: small file systems in memory, made by root."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest

from tests.debian import folder_for_all
from tests.faults.conftest import MakeWorld, Result, World, check_told
from tests.faults.test_server import PrivateServer, stopped_by_the_server

pytestmark = [pytest.mark.full, pytest.mark.skipif(os.geteuid() != 0, reason="mounts file systems")]
MB = 2**20


class Disk:
    """A file system of a few megabytes."""

    def __init__(self, place: Path, megabytes: int) -> None:
        self.place = place
        place.mkdir(parents=True, exist_ok=True)
        self._mount("-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", place)

    def resize(self, megabytes: int) -> None:
        self._mount("-o", f"remount,size={megabytes}m", self.place)

    def free(self) -> int:
        status = os.statvfs(self.place)
        return status.f_bavail * status.f_bsize

    def fill(self, *, but: int = 0) -> Path:
        """Take what is free."""
        path = self.place / "filling"
        with path.open("ab") as file, suppress(OSError):
            while self.free() > but:
                file.write(b"x" * min(MB // 4, self.free() - but))
                file.flush()
        return path

    def _mount(self, *arguments: object) -> None:
        subprocess.run(["mount", *map(str, arguments)], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", self.place], check=True)


MakeDisk = Callable[[Path, int], Disk]
Cramped = tuple[World, Disk, PrivateServer]


@pytest.fixture
def make_disk(tmp_path: Path) -> Iterator[MakeDisk]:
    made = []

    def make(place: Path, megabytes: int) -> Disk:
        made.append(Disk(place, megabytes))
        return made[-1]

    yield make
    for disk in made:
        disk.unmount()


def grow(source: Path, megabytes: int) -> None:
    """Notes of that length in all, in rows that are moved."""
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.create_function("REGEXP", 2, lambda pattern, text: True)
        (rows,) = connection.execute("SELECT count(*) FROM attributions_attribution").fetchone()
        # Random digits: PostgreSQL would compress anything else.
        connection.execute(
            "UPDATE attributions_attribution SET note = hex(randomblob(?))", [megabytes * MB // 2 // rows]
        )


# --- where the snapshot goes ---


def test_too_little_room_for_the_snapshot_is_told_before_it_is_begun(world: World, make_disk: MakeDisk) -> None:
    grow(world.source, 8)
    world.remember()
    disk = make_disk(world.reports, 6)
    check_told(world.run(), "The run needs", f"MiB in {world.reports}")
    world.unharmed()
    disk.resize(60)
    world.recovers()


def test_a_disk_that_becomes_full_while_the_snapshot_is_written(world: World, make_disk: MakeDisk) -> None:
    grow(world.source, 60)
    world.remember()
    disk = make_disk(world.reports, 100)
    standing = world.at("snapshot:stage")
    # There was room when it was asked for. The copy itself asks once more, and begins at once.
    eating = threading.Thread(target=eat, args=(disk,))
    eating.start()
    result = standing.go()
    eating.join()
    check_told(result, f"The disk of {world.reports}", "became full while the snapshot was written")
    world.unharmed()
    assert list(world.reports.rglob("*snapshot*")) == []
    disk.place.joinpath("filling").unlink()
    world.recovers()


def eat(disk: Disk) -> None:
    """All that is left, as soon as the copy has begun."""
    while not list(disk.place.rglob("*.unfinished")):
        pass
    disk.fill()


@pytest.mark.parametrize("moment", ["load:progress", "publish:stage"])
def test_a_report_for_which_no_room_is_left_is_no_failure(moment: str, world: World, make_disk: MakeDisk) -> None:
    disk = make_disk(world.reports, 20)
    standing = world.at(moment)
    filling = disk.fill()
    check_told(standing.go(), "The report could not be written to", status=0)
    world.published()
    world.clean()
    filling.unlink()
    world.recovers("--replace")


# --- where the server keeps its data ---


@pytest.fixture
def cramped_world(make_world: MakeWorld) -> Iterator[Cramped]:
    with folder_for_all("pg-cramped-") as folder:
        disk = Disk(folder / "disk", 400)
        private = PrivateServer(disk.place)
        try:
            world = make_world(private.server.database())
            grow(world.source, 60)
            world.remember()
            yield world, disk, private
        finally:
            private.stop()
            disk.unmount()


@pytest.mark.parametrize("moment", ["stage:stage", "load:stage", "restore:stage", "publish:stage"])
def test_a_server_whose_disk_becomes_full(moment: str, cramped_world: Cramped) -> None:
    world, disk, private = cramped_world
    standing = world.at(moment)
    filling = disk.fill()
    result: Result = standing.go()
    filling.unlink()
    with suppress(subprocess.CalledProcessError):
        private.start()
    wait_for(world)
    if moment == "publish:stage" and result.returncode == 0:
        # What a publication writes found room in the log that was there.
        world.published()
        return
    stopped_by_the_server(world, result)


def wait_for(world: World) -> None:
    """A server that could not write to its log ends, and recovers when it can."""
    for _ in range(100):
        with suppress(psycopg.OperationalError):
            world.sql("SELECT 1")
            return
        threading.Event().wait(0.1)
