"""Runs that are killed or interrupted: nothing is visible, and the next run begins from scratch."""

import signal
from pathlib import Path

import pytest

from tests.acceptance.test_projects import SCHEMAS
from tests.conftest import run_sql
from tests.projects import Project, digest

STAGES = ("stage", "load", "restore", "prove", "publish")
IN_PUBLIC = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"


def unfinished(project: Project) -> list[Path]:
    return list(project.folder.rglob("*.unfinished"))


@pytest.mark.full
def test_a_killed_run_leaves_public_and_source_untouched_and_the_next_one_cleans_up(
    stray_rows: Project, postgres_url: str
) -> None:
    before = digest(stray_rows.source)
    for stage in STAGES:
        killed = stray_rows.stop_at(postgres_url, stage, signal.SIGKILL)
        if killed.returncode == 0:  # the last stage may be done before the signal is there
            assert stage == "publish"
            return
        assert killed.returncode == -signal.SIGKILL, stage
        assert digest(stray_rows.source) == before
        assert run_sql(postgres_url, IN_PUBLIC) == [(0,)]
    assert unfinished(stray_rows)
    stray_rows.move(postgres_url)
    assert unfinished(stray_rows) == []
    assert run_sql(postgres_url, SCHEMAS) == []
    assert run_sql(postgres_url, "SELECT name FROM stray_thing ORDER BY id") == [("a",), ("b",)]


@pytest.mark.full
@pytest.mark.parametrize("stage", ["stage", "prove"])
def test_ctrl_c_cleans_up_at_once(stray_rows: Project, postgres_url: str, stage: str) -> None:
    stopped = stray_rows.stop_at(postgres_url, stage, signal.SIGINT)
    assert stopped.returncode == 1, stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert "Error: Interrupted." in stopped.stdout + stopped.stderr
    assert run_sql(postgres_url, IN_PUBLIC) == [(0,)]
    assert run_sql(postgres_url, SCHEMAS) == []
    assert unfinished(stray_rows) == []
