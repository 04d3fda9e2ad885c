"""``make demo``: the story is told to its end, by a real server; twice in the full tier."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, Run
from tests.tiers import first_in_ci


@pytest.fixture
def demo(tmp_path: Path, python: Run) -> Iterator[Run]:
    tmp_path.chmod(0o755)
    environment = {"DEMO_DIRECTORY": str(tmp_path / "demo")}
    yield lambda *arguments: python("-m", "demo.run", *arguments, **environment)
    python("-m", "demo.run", "--stop", **environment)


@pytest.mark.parametrize("times", first_in_ci(1, 2))
def test_the_story_is_told_to_its_end_and_again(demo: Run, tmp_path: Path, times: int) -> None:
    for _ in range(times):
        told = demo()
        assert told.returncode == 0, told.stdout + told.stderr
        in_order = (
            "POST /attribution/ -> 400",
            "no such table: main.courses_course_backup",
            "dangling-foreign-key  attributions_attribution.course_id",
            "RENAME TO",
            "cells, one by one, no difference",
            "POST /attribution/ -> 201",
            "AGV211 CM est attribué à",
            "make demo-stop",
        )
        positions = [told.stdout.find(text) for text in in_order]
        assert -1 not in positions, told.stdout
        assert positions == sorted(positions)
        assert (tmp_path / "demo" / "report" / "move" / "report.html").exists()
    assert "is stopped" in demo("--stop").stdout
    assert "does not run" in demo("--stop").stdout


TARGETS = ("demo", "demo-stop", "run", "test", "test-browser", "test-full", "lint", "format", "pins", "clean")


@pytest.mark.parametrize("target", TARGETS)
def test_the_make_targets_are_there(target: str) -> None:
    result = subprocess.run(
        ["make", "-n", target, f"PYTHON={sys.executable}"], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
