"""Work beside a body: its result, its failure, and that neither is left behind by the other."""

import threading

import pytest

from migrate_to_pg.system.threads import in_thread


def test_the_body_runs_beside_the_work_and_then_has_its_result() -> None:
    at_work, let_go = threading.Event(), threading.Event()

    def work() -> int:
        at_work.set()
        assert let_go.wait(10)
        return 7

    with in_thread("test", work) as future:
        assert at_work.wait(10)
        assert not future.done()
        let_go.set()
    assert future.result() == 7


def test_a_failure_of_the_work_is_raised_after_the_body() -> None:
    def fail() -> None:
        raise LookupError

    ended = []
    with pytest.raises(LookupError), in_thread("test", fail):
        ended.append("body")
    assert ended == ["body"]


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt])
def test_a_body_that_fails_stops_the_work_and_waits_for_it(stop: type[BaseException]) -> None:
    stopped, ended = threading.Event(), threading.Event()

    def work() -> None:
        assert stopped.wait(10)
        ended.set()
        raise LookupError

    with pytest.raises(stop), in_thread("test", work, stopped.set):
        raise stop
    assert ended.is_set()
