"""A system that gives this process no more threads: the work is done by those that there are, or by the one alone."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from migrate_to_pg.management.console import exit_on_second_signal
from migrate_to_pg.records import Event, Verify
from migrate_to_pg.report.progress import display
from migrate_to_pg.system.threads import run_all
from tests.conftest import ROOT
from tests.integration.conftest import Move


@pytest.fixture
def no_threads() -> Iterator[None]:
    """No stack of that size can be had: the system refuses every new thread."""
    before = threading.stack_size(2**46)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        threading.Thread(target=print).start()
    yield
    threading.stack_size(before)


@pytest.mark.parametrize(
    "options", [{"verify": Verify.ORM, "jobs": 4}, {"mode": "check", "jobs": 1}], ids=["move", "check"]
)
def test_a_run_goes_on_without(
    options: dict[str, object], source: Path, postgres_url: str, move: Move, no_threads: None
) -> None:
    report = move(source, postgres_url, **options)
    assert report.ok, report.failure
    assert report.mode == "check" or report.publication


def test_what_some_threads_cannot_do_at_once_they_do_one_after_another() -> None:
    done, begun = [], threading.Event()

    def first() -> None:
        threading.stack_size(2**46)
        begun.set()
        done.append(1)

    def work(number: int) -> Callable[[], None]:
        def run() -> None:
            begun.wait()
            done.append(number)

        return run

    before = threading.stack_size()
    try:
        run_all("some", [first, *map(work, range(2, 9))], stop=lambda: None)
    finally:
        threading.stack_size(before)
    assert sorted(done) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_failure_in_this_thread_is_raised(no_threads: None) -> None:
    def fail() -> None:
        raise LookupError("told")

    with pytest.raises(LookupError, match="told"):
        run_all("some", [fail, fail], stop=lambda: None)


def test_bars_and_the_second_ctrl_c_do_without(no_threads: None, tmp_path: Path) -> None:
    with (
        (tmp_path / "out").open("w", encoding="utf-8") as stream,
        patch.object(stream, "isatty", lambda: True),
        exit_on_second_signal(print, on_a_terminal=False),
        display(stream, verbosity=1, no_color=True) as progress,
    ):
        progress(Event(kind="stage", stage="load"))
        progress(Event(kind="stage_done", stage="load"))
    assert "load" in (tmp_path / "out").read_text(encoding="utf-8")


def test_nor_more_processes(source: Path, tmp_path: Path) -> None:
    """The source is hashed by a process of its own, whose locks are its own."""
    command = ["prlimit", "--nproc=1", sys.executable, "manage.py", "migrate_to_pg", "--check", "--source", str(source)]
    if os.geteuid() == 0:
        # Root has no such limit; another user may read here what root may.
        capabilities = "-all,+dac_override,+dac_read_search"
        lesser = [f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}"]
        command = ["setpriv", "--reuid=54321", "--clear-groups", *lesser, *command]
    done = subprocess.run(
        [*command, "--report", tmp_path / "report"], cwd=ROOT, env=os.environ | {"LANGUAGE": "en"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "the system starts no more for this user." in done.stderr
    assert "ulimit -u" in done.stderr
