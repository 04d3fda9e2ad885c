"""Run pieces of work at once, a thread each, and ignore stop signals once only the recording of a result is left.

The first failure stops the other pieces and is raised. Where the system gives no more threads, the existing ones do all
the work, or this one where there is none.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TypeVar

#: A Ctrl-C is noticed after this time at the latest: a signal that another thread took does not end an endless wait.
POLL_INTERVAL_SECONDS = 0.2

Work = Callable[[], None]
T = TypeVar("T")


def run_all(name: str, works: Sequence[Work], stop: Work, *, alone_here: bool = True) -> None:
    """Return when all work is done. A single piece is done in this thread, unless ``alone_here`` is false.

    ``stop`` is called as soon as one piece has failed or this thread is interrupted, and again until the others have
    ended: what it cancels may only just begin. Exceptions that they raise then are dropped.
    """
    if len(works) == 1 and alone_here:
        works[0]()
        return
    failures: list[BaseException] = []
    lock = threading.Lock()

    left = deque(works)

    def do_work() -> None:
        try:
            for work in drain(left):
                work()
        except BaseException as error:
            with lock:
                failures.append(error)
            raise

    with ThreadPoolExecutor(len(works), name) as pool:
        started: list[Future[None]] = []
        try:
            for _work in works:
                try:
                    started.append(pool.submit(do_work))
                except RuntimeError as error:
                    if not is_no_more_threads(error):
                        raise
                    break
            if not started:
                do_work()
            pending = set(started)
            while pending and not failures:
                pending = wait(started, timeout=POLL_INTERVAL_SECONDS, return_when="FIRST_EXCEPTION").not_done
        except BaseException:
            left.clear()
            _stop(started, stop)
            raise
        if failures:
            left.clear()
            _stop(started, stop)
    if failures:
        raise failures[0]


@contextmanager
def in_thread(name: str, work: Callable[[], T], stop: Work = lambda: None) -> Iterator[Future[T]]:
    """Do the work in a thread beside the body, and leave when both have ended. Its result is that of the future.

    ``stop`` is called as soon as the body has failed or this thread is interrupted, and again until the work has ended.
    A failure of the work is raised after the body.
    """
    with ThreadPoolExecutor(1, name) as pool:
        try:
            started = pool.submit(work)
        except RuntimeError as error:
            if not is_no_more_threads(error):
                raise
            started = Future()
            started.set_result(work())
        try:
            yield started
            while wait([started], timeout=POLL_INTERVAL_SECONDS).not_done:
                pass
        except BaseException:
            _stop([started], stop)
            raise
    started.result()


def is_no_more_threads(error: RuntimeError) -> bool:
    """Report whether Python could not start a thread, for a limit of processes or of memory."""
    return "new thread" in str(error)


def _stop(started: Sequence[Future[T]], stop: Work) -> None:
    pending = set(started)
    while pending:
        stop()
        pending = wait(pending, timeout=POLL_INTERVAL_SECONDS).not_done


def drain(left: deque[T]) -> Iterator[T]:
    """Yield the items that are left. Several threads may take from the same end."""
    while True:
        try:
            yield left.popleft()
        except IndexError:
            return


#: Signals that end a run, as far as the system has them.
SIGNALS = tuple(signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if name in signal.Signals.__members__)


@contextmanager
def noticed_interrupts() -> Iterator[Work]:
    """Give a function that raises KeyboardInterrupt where a stop signal came and its exception was lost.

    Python drops what is raised within a finalizer, and the work would go on. What it ends already is not stopped again:
    while an exception is handled, the function does nothing. Only the main thread can handle signals.
    """
    noticed = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        noticed.set()
        signal.default_int_handler(number, frame)

    def raise_if_lost() -> None:
        if noticed.is_set() and sys.exc_info()[0] is None:
            raise KeyboardInterrupt

    with ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) is signal.default_int_handler:
                    stack.callback(signal.signal, number, signal.signal(number, interrupt))
        yield raise_if_lost


@contextmanager
def ignore_stop_signals(on_signal: Callable[[], None] | None = None) -> Iterator[None]:
    """Ignore signals that would end the run, and call ``on_signal`` for each.

    Only the main thread can handle signals, so in other threads nothing is changed.
    """
    handler = signal.SIG_IGN if on_signal is None else lambda _number, _frame: on_signal()
    with ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                before = signal.signal(number, handler)
                # None: a handler that was not set by Python, which cannot set it again.
                stack.callback(signal.signal, number, signal.SIG_DFL if before is None else before)
        yield
