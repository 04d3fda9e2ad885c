"""Run a generator in a thread, one item ahead of its consumer.

The SQLite driver and Arrow release Python's lock while they work. So a batch is read while the one before it is
converted and sent.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from typing import TypeVar

from migrate_to_pg.system.threads import is_no_more_threads

T = TypeVar("T")

#: Items in the queue. One more would only cost memory, because reading is as regular as its consumer.
_QUEUE_SIZE = 1
#: How often a waiting thread checks whether its consumer has stopped.
_POLL_INTERVAL_SECONDS = 0.05


class _End:
    """End of the items. The consumer raises the error, unless it is None."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def prefetch(source: Generator[T, None, None]) -> Generator[T, None, None]:
    """Yield the items of ``source``, which runs in a thread. Closing this generator closes ``source``."""
    items: queue.Queue[T | _End] = queue.Queue(_QUEUE_SIZE)
    stopped = threading.Event()
    # A daemon, so that a generator that is never closed does not delay the end of the program.
    thread = threading.Thread(target=_fill, args=(source, items, stopped), name="read ahead", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        if not is_no_more_threads(error):
            raise
        yield from source
        return
    try:
        while not isinstance(item := items.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        thread.join()


def _fill(source: Generator[T, None, None], items: queue.Queue[T | _End], stopped: threading.Event) -> None:
    end = _End(None)
    try:
        for item in source:
            if not _put(item, items, stopped):
                break
    except BaseException as error:  # noqa: BLE001 - ``prefetch`` raises it again
        end = _End(error)
    finally:
        source.close()
    _put(end, items, stopped)


def _put(item: T | _End, items: queue.Queue[T | _End], stopped: threading.Event) -> bool:
    """Put an item into the queue. Return False if the consumer has stopped."""
    while not stopped.is_set():
        try:
            items.put(item, timeout=_POLL_INTERVAL_SECONDS)
        except queue.Full:
            continue
        return True
    return False
