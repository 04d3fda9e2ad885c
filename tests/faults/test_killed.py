"""Runs that are killed, or interrupted, at any moment: all is published or nothing, and the next run succeeds."""

from __future__ import annotations

import random
import signal
import time

import pytest

from tests.faults.conftest import World, check_told

STAGES = ("snapshot", "catalog", "stage", "examine", "load", "restore", "prove", "publish")
BOUNDARIES = [f"{stage}:{kind}" for stage in STAGES for kind in ("stage", "stage_done")]
#: These few are tried in every tier.
FEW = ("load:progress", "publish:stage_done")
SEEDS = range(26)


def slow(moments: list[str]) -> list[object]:
    return [moment if moment in FEW else pytest.param(moment, marks=pytest.mark.full) for moment in moments]


def check_whole_or_nothing(world: World) -> None:
    """What is published is whole; and the next run, which must be told that it may replace it, succeeds."""
    if world.unpublished():
        world.unharmed()
        world.recovers()
        return
    world.published()
    world.recovers("--replace")


@pytest.mark.parametrize("moment", slow([*BOUNDARIES, "load:progress", "restore:progress", "prove:progress"]))
def test_killed_where_a_stage_begins_or_ends(moment: str, world: World) -> None:
    killed = world.at(moment).send(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    assert world.unpublished() is (moment != "publish:stage_done")
    check_whole_or_nothing(world)


@pytest.fixture(scope="module")
def duration() -> list[float]:
    """How long a run takes here, once one was made."""
    return []


@pytest.mark.full
@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_a_random_moment(seed: int, world: World, duration: list[float]) -> None:
    if not duration:
        begin = time.monotonic()
        assert world.run("--rehearse").returncode == 0
        duration.append(time.monotonic() - begin)
    process = world.start()
    time.sleep(random.Random(seed).uniform(0.1, 1) * duration[0])  # noqa: S311 - when to kill, no secret
    process.kill()
    process.communicate()
    check_whole_or_nothing(world)


@pytest.mark.parametrize("moment", slow([m for m in (*BOUNDARIES, "load:progress") if m != "publish:stage_done"]))
def test_ctrl_c_publishes_nothing_and_cleans_up_at_once(moment: str, world: World) -> None:
    stopped = world.at(moment).interrupted()
    check_told(stopped, "Error: Interrupted. Nothing was published. Run again.")
    world.unharmed()
    world.clean()
    world.recovers()


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.full)], ids=str)
def test_an_interruption_after_the_commit_is_no_failure(number: signal.Signals, world: World) -> None:
    """Whoever reads that nothing was published would run again, or go on writing to SQLite."""
    standing = world.at("publish:stage_done")
    standing.process.send_signal(number)
    result = standing.go()
    check_told(result, status=0)
    assert "nothing was published" not in (result.stdout + result.stderr).lower()
    world.clean()
    world.published()
    assert len(list(world.reports.rglob("snapshot.sqlite3"))) == 1
