"""A program that is forked from the interpreter with the libraries in it ends as one that is started does."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import preloaded
from tests.conftest import ROOT

SAYS = """
import json, os, sys
print(json.dumps([sys.argv[1:], os.getcwd(), __name__, __file__, dict(os.environ), sys.warnoptions, sys.path]))
print("in error", file=sys.stderr)
print("django" in sys.modules)
"""
ENDS = {
    "sys.exit(3)": 3,
    "sys.exit('a reason')": 1,
    "raise ValueError('of the program')": 1,
    "os.kill(os.getpid(), 9)": -signal.SIGKILL,
    "threading.Timer(0.2, print, ['late']).start()": 0,
    "atexit.register(print, 'at exit')": 0,
}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere they are started")


@pytest.fixture
def run_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[subprocess.CompletedProcess[str]]]:
    """run_both(program, *arguments) -> what came of it when it was forked, and when it was started."""

    def run(program: str, *arguments: str) -> list[subprocess.CompletedProcess[str]]:
        (tmp_path / "program.py").write_text("import atexit, os, sys, threading\n" + program)
        told = []
        for cold in ("", "1"):
            monkeypatch.setenv("START_COLD", cold)
            environment = {**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT), "START_COLD": "", "GIVEN": "é"}
            told.append(preloaded.run(arguments, cwd=tmp_path, env=environment, timeout=60))
        return told

    return run


@pytest.mark.parametrize("how", [["program.py"], ["-m", "program"], ["-W", "error", "-m", "program"]], ids=" ".join)
def test_it_finds_what_it_is_given(
    run_both: Callable[..., list[subprocess.CompletedProcess[str]]], tmp_path: Path, how: list[str]
) -> None:
    forked, started = run_both(SAYS, *how, "--an-option", "x y")
    (said, forked_has), (wanted, started_has) = (done.stdout.splitlines() for done in (forked, started))
    said, wanted = json.loads(said), json.loads(wanted)
    assert said == wanted
    assert (forked.stderr, started.stderr) == ("in error\n", "in error\n")
    assert (forked_has, started_has) == ("True", "False"), "else the one was not forked, or the other was not started"


@pytest.mark.parametrize("end", ENDS)
def test_it_ends_as_it_would(run_both: Callable[..., list[subprocess.CompletedProcess[str]]], end: str) -> None:
    forked, started = run_both(end, "program.py")
    assert forked.returncode == started.returncode == ENDS[end]
    assert forked.stdout == started.stdout
    assert forked.stderr.splitlines()[-1:] == started.stderr.splitlines()[-1:]


def test_one_that_hangs_is_killed_and_the_next_one_runs(tmp_path: Path) -> None:
    (tmp_path / "hangs.py").write_text("import time; time.sleep(60)")
    (tmp_path / "next.py").write_text("print('next')")
    environment = {**os.environ, "PYTHONUTF8": "1"}
    with pytest.raises(subprocess.TimeoutExpired):
        preloaded.run(["hangs.py"], cwd=tmp_path, env=environment, timeout=0.5)
    assert preloaded.run(["next.py"], cwd=tmp_path, env=environment, timeout=60).stdout == "next\n"
