"""An iterator in, the same items out, made one step ahead by a thread.

The SQLite driver and Arrow leave Python's lock alone while they work, so a batch is read while the one before it is
converted and sent.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from typing import TypeVar

from migrate_to_pg.system.threads import is_no_more_threads

T = TypeVar("T")

#: Items made and not yet asked for. One more would only cost memory: reading is as regular as what waits for it.
_AHEAD = 1
#: How often a thread that nobody takes items from looks whether it is still wanted, in seconds.
_LOOK = 0.05


class _Failure:
    """What stopped the thread, to be raised where its items are asked for; None: it came to the end."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def prefetch(source: Generator[T, None, None]) -> Generator[T, None, None]:
    """The items of ``source``, which runs in a thread from first to last; closing this closes that one."""
    made: queue.Queue[T | _Failure] = queue.Queue(_AHEAD)
    unwanted = threading.Event()
    # A daemon: an iterator that is never closed must not hold up the end of the program.
    thread = threading.Thread(target=_fill, args=(source, made, unwanted), name="read ahead", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        if not is_no_more_threads(error):
            raise
        yield from source
        return
    try:
        while not isinstance(item := made.get(), _Failure):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        unwanted.set()
        thread.join()


def _fill(source: Generator[T, None, None], made: queue.Queue[T | _Failure], unwanted: threading.Event) -> None:
    end = _Failure(None)
    try:
        for item in source:
            if not _put(item, made, unwanted):
                break
    except BaseException as error:  # noqa: BLE001 - raised again by ``ahead``, whatever it is
        end = _Failure(error)
    finally:
        source.close()
    _put(end, made, unwanted)


def _put(item: T | _Failure, made: queue.Queue[T | _Failure], unwanted: threading.Event) -> bool:
    """False where nobody wants items any more."""
    while not unwanted.is_set():
        try:
            made.put(item, timeout=_LOOK)
        except queue.Full:
            continue
        return True
    return False
