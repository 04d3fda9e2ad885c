"""Pieces of work in, all of them done at once, a thread each; the first failure stops the rest and is raised.

Where the system gives no more threads, those that there are do all of it, and this one where there is none.
"""

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


def run_all(name: str, works: Sequence[Work], stop: Work, *, alone_here: bool = True) -> None:
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

    left = deque(works)

    def some() -> None:
        for work in drain(left):
            watched(work)

    with ThreadPoolExecutor(len(works), name) as pool:
        working = list(_started(pool, some, len(works)))
        try:
            if not working:
                some()
            while _running(working):
                pass
        except BaseException:
            left.clear()
            _end(working, stop)
            raise
        if failures:
            left.clear()
            _end(working, stop)
    if failures:
        raise failures[0]


def _started(pool: ThreadPoolExecutor, work: Work, count: int) -> Iterator[Future[None]]:
    """As many threads as there can be."""
    for _number in range(count):
        try:
            yield pool.submit(work)
        except RuntimeError as error:
            if not is_no_more_threads(error):
                raise
            return


def is_no_more_threads(error: RuntimeError) -> bool:
    """Whether Python could not start a thread: a limit of the user's or of a container's processes, or of memory."""
    return "new thread" in str(error)


def _end(working: Sequence[Future[None]], stop: Work) -> None:
    going = set(working)
    while going:
        stop()
        going = wait(going, timeout=_LOOK).not_done


def drain(left: deque[T]) -> Iterator[T]:
    """What is left, one after another, for several threads that all take from the same end."""
    while True:
        try:
            yield left.popleft()
        except IndexError:
            return


def _running(working: Sequence[Future[None]]) -> bool:
    """Whether, a moment later, somebody still works and nobody has failed."""
    done, going = wait(working, timeout=_LOOK, return_when="FIRST_EXCEPTION")
    return bool(going) and not any(future.exception() for future in done)
