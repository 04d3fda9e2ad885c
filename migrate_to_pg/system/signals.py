"""Ignore stop signals after the commit, when only recording and reporting of the result is left."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

#: Signals that end a run, as far as the system has them.
SIGNALS = tuple(signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if name in signal.Signals.__members__)


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
