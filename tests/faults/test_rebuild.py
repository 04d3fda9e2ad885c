"""A rebuild that is killed, interrupted or out of room: no new file, and the old one as it was."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from migrate_to_pg.postgres import embedded
from tests.faults.conftest import World, check_told
from tests.faults.test_disk import Disk
from tests.projects import digest

MOMENTS = (
    "snapshot:stage", "stage:stage_done", "load:progress", "publish:stage", "snapshot:stage:2", "stage:stage:2",
    "load:progress:2", "restore:stage_done:2", "prove:progress:2", "integrity:stage", "probe:stage_done",
    "publish:stage:2",
)  # fmt: skip
#: These few are tried in every tier.
FEW = ("load:progress",)


class Rebuild(World):
    """The world of a move; what runs in it makes its source anew."""

    def arguments(self, *more: str | Path, target: bool = True) -> list[str]:
        report = self.reports / str(next(self.numbers))
        new = () if "--rebuild" in more else ("--rebuild", self.file)
        return list(map(str, ("sqlite_doctor", self.source, *new, "--report", report, *more)))

    @property
    def server(self) -> Path:
        return Path(self.variables["PYTHONPATH"], ".migrate_to_pg", "try")

    @property
    def file(self) -> Path:
        return self.folder / "new.sqlite3"

    def beside(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("new*"))

    def check_recovers(self) -> None:
        """The old file is as it was; the next run makes the new one, and removes what the last one left."""
        assert digest(self.source) == self.before[0]
        check_told(self.run(), "no difference", status=0)
        assert self.beside() == [self.file.name]
        assert digest(self.source) == self.before[0]
        assert [path.name for path in self.reports.rglob("*unfinished*")] == []
        assert not embedded.stop(self.server)


@pytest.fixture
def rebuilding(world: World, own_base: dict[str, str]) -> Rebuild:
    there = Rebuild.__new__(Rebuild)
    there.__dict__.update(world.__dict__)
    there.variables = own_base
    return there


@pytest.mark.parametrize(
    "moment", [moment if moment in FEW else pytest.param(moment, marks=pytest.mark.full) for moment in MOMENTS]
)
def test_killed_at_any_moment_there_is_no_file_and_the_next_run_succeeds(moment: str, rebuilding: Rebuild) -> None:
    killed = rebuilding.at(moment).send(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    assert not rebuilding.file.exists()
    rebuilding.check_recovers()


@pytest.mark.full
@pytest.mark.parametrize(
    "moment", ["load:progress:2", pytest.param("load:progress", marks=pytest.mark.full),
               pytest.param("probe:stage", marks=pytest.mark.full)]
)  # fmt: skip
def test_ctrl_c_leaves_neither_file_nor_server(moment: str, rebuilding: Rebuild) -> None:
    stopped = rebuilding.at(moment).interrupted()
    check_told(stopped, "Interrupted.", "No file was made.")
    assert rebuilding.beside() == []
    assert not embedded.stop(rebuilding.server)
    rebuilding.check_recovers()


@pytest.mark.full
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts file systems")
def test_a_disk_that_becomes_full_leaves_no_file(rebuilding: Rebuild, tmp_path: Path) -> None:
    disk = Disk(tmp_path / "disk", 2)
    try:
        new = disk.place / "new.sqlite3"
        standing = rebuilding.at("load:stage:2", "--rebuild", new)
        disk.fill(but=100_000)
        check_told(standing.go(), "database or disk is full", str(disk.place), "No file was made.")
        assert [path.name for path in disk.place.iterdir()] == ["filling"]
        too_small = rebuilding.run("--rebuild", new)
        check_told(too_small, "The rebuild needs", str(disk.place), "No file was made.")
    finally:
        disk.unmount()
    rebuilding.check_recovers()
