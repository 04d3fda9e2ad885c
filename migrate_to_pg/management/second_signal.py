"""End an interrupted run at once on a second Ctrl-C, when the server does not answer during its cleanup.

A driver that waits for the server blocks the main thread and with it Python's own handlers. But the number of a signal
is still written to a socket (signal.set_wakeup_fd), which another thread reads.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.system.signals import SIGNALS

#: Another signal within this time is the same one, sent twice. After it the effect of one more is printed.
REPEAT_INTERVAL_SECONDS = 2
#: A terminal shows its cursor again, which the progress bars hide.
_SHOW_CURSOR = "\x1b[?25h"

Tell = Callable[[str], None]


@contextmanager
def exit_on_second_signal(tell: Tell, *, on_a_terminal: bool) -> Iterator[None]:
    """End the process with status 1 on a second signal in this block, in the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    watching = threading.Thread(target=_wait_for_second_signal, args=(reading, tell, on_a_terminal), daemon=True)
    # Without another thread only Python's own handler receives Ctrl-C.
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


def _wait_for_second_signal(signals: socket.socket, tell: Tell, on_a_terminal: bool) -> None:
    if not _is_stop_signal(signals):
        return
    deadline = time.monotonic() + REPEAT_INTERVAL_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        signals.settimeout(left)
        try:
            if not _is_stop_signal(signals):
                return
        except TimeoutError:
            break
    signals.settimeout(None)
    tell(_("Cleaning up; PostgreSQL may not answer. Ctrl-C once more ends at once: the next run removes what is left."))
    if _is_stop_signal(signals):
        ended = _("Ended at once. What is left of this run is hidden, and removed by the next one.")
        tell(f"{_SHOW_CURSOR if on_a_terminal else ''}{ended}")
        os._exit(1)


def _is_stop_signal(signals: socket.socket) -> bool:
    """Wait for a stop signal. Return False when the run is over."""
    while number := signals.recv(1):
        if number[0] in SIGNALS:
            return True
    return False
