"""Pieces of work in, all of them done at once, a thread each; the first failure stops the rest and is raised."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

#: Seconds after which a Ctrl-C is noticed at the latest: a signal that another thread took wakes nobody up who waits
#: without end.
_LOOK = 0.2

Work = Callable[[], None]
T = TypeVar("T")


def together(name: str, works: Sequence[Work], stop: Work, *, alone_here: bool = True) -> None:
    """Return when all is done. One work alone is done in this thread, unless ``alone_here`` is false.

    ``stop`` is called as soon as one has failed or this thread is interrupted, and again until the others have come to
    an end: what it cancels may only just be beginning. What they raise then is not told.
    """
    if len(works) == 1 and alone_here:
        works[0]()
        return
    failures: list[BaseException] = []
    lock = threading.Lock()

    def watched(work: Work) -> None:
        try:
            work()
        except BaseException as error:
            with lock:
                failures.append(error)
            raise

    with ThreadPoolExecutor(len(works), name) as pool:
        working = [pool.submit(watched, work) for work in works]
        try:
            while _goes_on(working):
                pass
        except BaseException:
            _end(working, stop)
            raise
        if failures:
            _end(working, stop)
    if failures:
        raise failures[0]


def _end(working: Sequence[Future[None]], stop: Work) -> None:
    going = set(working)
    while going:
        stop()
        going = wait(going, timeout=_LOOK).not_done


def taken(left: deque[T]) -> Iterator[T]:
    """What is left, one after another, for several threads that all take from the same end."""
    while True:
        try:
            yield left.popleft()
        except IndexError:
            return


def _goes_on(working: Sequence[Future[None]]) -> bool:
    """Whether, a moment later, somebody still works and nobody has failed."""
    done, going = wait(working, timeout=_LOOK, return_when="FIRST_EXCEPTION")
    return bool(going) and not any(future.exception() for future in done)
