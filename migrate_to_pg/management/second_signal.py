"""Ctrl-C once more: a run that was interrupted, and whose server does not answer while it cleans up, ends at once.

A driver that waits for the server holds up the main thread and with it Python's own handlers; the number of a signal is
written to a socket all the same (signal.set_wakeup_fd), which another thread reads.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.system.signals import SIGNALS

#: Seconds after the first signal: another one within them is the same, sent twice; then it is told what one more does.
SAME = 2
#: A terminal shows its cursor again, which the progress bars hide.
_SHOW_CURSOR = "\x1b[?25h"

Tell = Callable[[str], None]


@contextmanager
def exit_on_second_signal(tell: Tell, *, on_a_terminal: bool) -> Iterator[None]:
    """Within it a second signal ends the process, with status 1; in any thread but the main one nothing does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    watching = threading.Thread(target=_watch, args=(reading, tell, on_a_terminal), daemon=True)
    # Where the system gives no more threads, Ctrl-C is heard by Python's own handler alone.
    with suppress(RuntimeError):
        watching.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        writing.close()
        if watching.ident is not None:
            watching.join()
        reading.close()


def _watch(signals: socket.socket, tell: Tell, on_a_terminal: bool) -> None:
    if not _next(signals):
        return
    deadline = time.monotonic() + SAME
    while (left := deadline - time.monotonic()) > 0:
        signals.settimeout(left)
        try:
            if not _next(signals):
                return
        except TimeoutError:
            break
    signals.settimeout(None)
    tell(_("Cleaning up; PostgreSQL may not answer. Ctrl-C once more ends at once: the next run removes what is left."))
    if _next(signals):
        _end(tell, on_a_terminal)


def _next(signals: socket.socket) -> bool:
    """Wait for one of ours; False when the run is over."""
    while number := signals.recv(1):
        if number[0] in SIGNALS:
            return True
    return False


def _end(tell: Tell, on_a_terminal: bool) -> NoReturn:
    ended = _("Ended at once. What is left of this run is hidden, and removed by the next one.")
    tell(f"{_SHOW_CURSOR if on_a_terminal else ''}{ended}")
    os._exit(1)
