"""Where a Ctrl-C comes too late: from the commit on, all that is left is to keep and to tell what was done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

#: Those that end a run, as far as the system has them.
SIGNALS = tuple(signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if name in signal.Signals.__members__)


@contextmanager
def ignore_stop_signals(heard: Callable[[], None] | None = None) -> Iterator[None]:
    """Ignore what would end the run; ``heard`` is told of it. Signals are the main thread's: in any other nothing is
    changed.
    """
    handler = signal.SIG_IGN if heard is None else lambda _number, _frame: heard()
    with ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                before = signal.signal(number, handler)
                # None: a handler that Python did not set, and cannot set again.
                stack.callback(signal.signal, number, signal.SIG_DFL if before is None else before)
        yield
