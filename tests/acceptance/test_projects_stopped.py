"""Runs that are killed or interrupted: nothing is visible, and the next run begins from scratch."""

import signal
from pathlib import Path

import pytest

from tests.acceptance.test_projects import SCHEMAS, execute
from tests.projects import Project, digest

STAGES = ("stage", "load", "restore", "prove", "publish")
IN_PUBLIC = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"


@pytest.fixture
def stray(tmp_path: Path) -> Project:
    made = Project("stray", tmp_path)
    made.migrate()
    made.sqlite("INSERT INTO stray_thing (name) VALUES ('a'), ('b')")
    return made


def unfinished(project: Project) -> list[Path]:
    return list(project.folder.rglob("*.unfinished"))


@pytest.mark.full
def test_a_killed_run_leaves_public_and_source_untouched_and_the_next_one_cleans_up(
    stray: Project, postgres_url: str
) -> None:
    before = digest(stray.source)
    for stage in STAGES:
        killed = stray.stop_at(postgres_url, stage, signal.SIGKILL)
        if killed.returncode == 0:  # the last stage may be done before the signal is there
            assert stage == "publish"
            return
        assert killed.returncode == -signal.SIGKILL, stage
        assert digest(stray.source) == before
        assert execute(postgres_url, IN_PUBLIC) == [(0,)]
    assert unfinished(stray)
    stray.move(postgres_url)
    assert unfinished(stray) == []
    assert execute(postgres_url, SCHEMAS) == []
    assert execute(postgres_url, "SELECT name FROM stray_thing ORDER BY id") == [("a",), ("b",)]


@pytest.mark.parametrize("stage", ["stage", "prove"])
def test_ctrl_c_cleans_up_at_once(stray: Project, postgres_url: str, stage: str) -> None:
    stopped = stray.stop_at(postgres_url, stage, signal.SIGINT)
    assert stopped.returncode == 1, stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert "Error: Interrupted." in stopped.stdout + stopped.stderr
    assert execute(postgres_url, IN_PUBLIC) == [(0,)]
    assert execute(postgres_url, SCHEMAS) == []
    assert unfinished(stray) == []
