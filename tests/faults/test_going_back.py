"""A move back that is killed, interrupted or out of room: no file, or a complete one, and PostgreSQL as it was."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from django.db.backends.sqlite3._functions import register  # type: ignore[import-untyped]

from tests.debian import folder_for_all
from tests.faults.conftest import MakeWorld, Result, World, check_told
from tests.faults.test_disk import Disk
from tests.faults.test_server import PrivateServer

STAGES = ("snapshot", "catalog", "stage", "examine", "load", "restore", "prove", "publish")
#: Before and after each stage, in the midst of those that take long, and while the file gets its name.
MOMENTS = [
    *(f"{stage}:{kind}" for stage in STAGES for kind in ("stage", "stage_done")),
    "load:progress",
    *(f"{stage}:progress:{number}" for stage in ("load", "prove") for number in (2, 4, 6, 8, 12)),
    "os:fsync:1",
    "os:link",
    "os:fsync:2",
]
#: These few are tried in every tier.
FEW = ("load:progress",)


class Back(World):
    """The same world, once its database was moved: what runs in it is the way back."""

    def arguments(self, *more: str | Path, target: bool = True) -> list[str]:
        report = self.reports / str(next(self.numbers))
        command = ("migrate_from_pg", "--source", self.target, "--target", self.file, "--report", report, *more)
        return list(map(str, command))

    @property
    def file(self) -> Path:
        return self.folder / "db.from-postgresql.sqlite3"

    def beside(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob(f"{self.file.name}*"))

    def check_recovers(self) -> None:
        """Nothing is harmed, and the next run makes the complete file and removes what the last one left."""
        self.unharmed()
        there = self.file.exists()
        result = self.run()
        if there:
            check_told(result, "exists already", status=2)
        else:
            check_told(result, "no difference", status=0)
        assert self.beside() == [self.file.name]
        with closing(sqlite3.connect(self.file)) as database:
            register(database)
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            (courses,) = database.execute("SELECT count(*) FROM courses_course").fetchone()
        assert self.sql("SELECT count(*) FROM courses_course") == [(courses,)]


@pytest.fixture
def back(world: World) -> Back:
    """A world whose database was moved."""
    return moved(world)


def moved(world: World) -> Back:
    assert world.run().returncode == 0
    world.remember()
    there = Back.__new__(Back)
    there.__dict__.update(world.__dict__)
    return there


@pytest.mark.parametrize(
    "moment", [moment if moment in FEW else pytest.param(moment, marks=pytest.mark.full) for moment in MOMENTS]
)
def test_killed_at_any_moment_nothing_is_harmed_and_the_next_run_succeeds(moment: str, back: Back) -> None:
    killed = back.at(moment).send(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    assert back.file.exists() is (moment in ("publish:stage_done", "os:link", "os:fsync:2"))
    back.check_recovers()


@pytest.mark.full
@pytest.mark.parametrize("moment", ["snapshot:stage_done", "load:progress:4", "prove:progress:4"])
def test_a_killed_run_that_kept_writers_out_lets_them_in(moment: str, back: Back) -> None:
    killed = back.at(moment, "--lock-source").send(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    back.sql("SET lock_timeout = '20s'; INSERT INTO auth_group (name) VALUES ('free')")
    back.remember()
    back.check_recovers()


@pytest.mark.full
@pytest.mark.parametrize("moment", ["load:progress", pytest.param("prove:stage", marks=pytest.mark.full)])
def test_ctrl_c_leaves_no_file(moment: str, back: Back) -> None:
    stopped: Result = back.at(moment, "--lock-source").interrupted()
    check_told(stopped, "Interrupted.", "No file was made.")
    assert back.beside() == []
    # Nor a lock.
    back.sql("INSERT INTO auth_group (name) VALUES ('free')")
    back.check_recovers()


@pytest.mark.full
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts file systems")
def test_a_full_disk_leaves_no_file(back: Back, tmp_path: Path) -> None:
    disk = Disk(tmp_path / "disk", 1)
    try:
        disk.fill(but=300_000)
        full = back.run("--target", disk.place / "new.sqlite3")
        check_told(full, "database or disk is full", str(disk.place), "No file was made. Make room there")
        assert [path.name for path in disk.place.iterdir() if path.name.startswith("new")] == []
    finally:
        disk.unmount()
    back.check_recovers()


@pytest.mark.full
def test_a_server_that_ends_the_session_leaves_no_file(back: Back) -> None:
    standing = back.at("load:stage")
    with psycopg.connect(back.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    check_told(standing.go(), "No file was made.")
    assert back.beside() == []
    back.check_recovers()


@pytest.fixture(scope="module")
def private_server() -> Iterator[PrivateServer]:
    with folder_for_all("pg-back-") as folder:
        private = PrivateServer(folder)
        yield private
        private.stop()


@pytest.mark.full
@pytest.mark.parametrize("stage", STAGES)
def test_a_server_that_is_killed_in_any_stage_leaves_no_half_file(
    stage: str, private_server: PrivateServer, make_world: MakeWorld
) -> None:
    world = make_world(private_server.server.database())
    back = moved(world)
    standing = back.at(f"{stage}:stage")
    private_server.kill()
    try:
        result = standing.go()
    finally:
        private_server.start()
    # Nothing is asked of the server any more once the file is verified, and current.
    if stage == "publish":
        check_told(result, "no difference", status=0)
    else:
        check_told(result, "PostgreSQL", "No file was made.")
        assert back.beside() == []
    back.check_recovers()
