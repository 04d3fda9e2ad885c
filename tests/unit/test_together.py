"""Work done at once: all of it, or the first failure and nothing goes on."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from migrate_to_pg.system.threads import run_all


def test_all_is_done_and_nobody_is_stopped() -> None:
    done: list[int] = []
    run_all("work", [lambda: done.append(1), lambda: done.append(2)], stop=lambda: done.append(0))
    assert sorted(done) == [1, 2]


def test_one_work_alone_is_done_in_this_thread() -> None:
    threads: list[threading.Thread] = []
    run_all("work", [lambda: threads.append(threading.current_thread())], stop=lambda: None)
    assert threads == [threading.current_thread()]


def test_the_first_failure_stops_the_others_and_is_the_one_that_is_raised() -> None:
    stopped = threading.Event()

    def fail() -> None:
        raise KeyError("first")

    def wait() -> None:
        assert stopped.wait(10)
        raise ValueError("only because it was stopped")

    with pytest.raises(KeyError, match="first"):
        run_all("work", [wait, fail, wait], stop=stopped.set)


def test_what_only_begins_when_it_is_stopped_is_stopped_again() -> None:
    begun, stopped = threading.Event(), threading.Event()

    def late() -> None:
        time.sleep(0.5)
        begun.set()
        assert stopped.wait(10)

    def fail() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        run_all("work", [late, fail], stop=lambda: stopped.set() if begun.is_set() else None)
    assert stopped.is_set()


def test_it_waits_for_the_slowest() -> None:
    done: list[str] = []

    def slow() -> None:
        time.sleep(0.5)
        done.append("slow")

    run_all("work", [slow, lambda: done.append("quick")], stop=lambda: done.append("stopped"))
    assert done == ["quick", "slow"]


def test_ctrl_c_stops_all() -> None:
    stopped = threading.Event()
    timer = threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()

    def wait() -> None:
        stopped.wait(10)

    with pytest.raises(KeyboardInterrupt):
        run_all("work", [wait, wait], stop=stopped.set)
    timer.join()
    assert stopped.is_set()
