"""Read tables over several connections while others are written.

Each connection takes the next table, in the order in which they are written. A table that is read has one batch ready
and one in the making: memory is limited by the number of tables that are read ahead.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from psycopg import sql

from migrate_to_pg.errors import MigrateToPgError
from migrate_to_pg.move_back.read_rows import Batch, Reader, State
from migrate_to_pg.records import PlannedTable
from migrate_to_pg.system.threads import POLL_INTERVAL_SECONDS, drain, is_no_more_threads

#: Tables that one connection may be ahead of the writer: small ones are read while a large one is written.
_TABLES_AHEAD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TableToRead:
    """A table of PostgreSQL's, and the rows of it that are not read."""

    schema: str
    table: PlannedTable
    without: sql.Composed | None = None


class _StoppedError(Exception):
    """Nobody takes the rows any more."""


class ReadAhead:
    """The connections, and what they have read. A context manager, which ends them."""

    def __init__(self, state: State, tables: Sequence[TableToRead], jobs: int) -> None:
        self._state = state
        self._tables = tables
        self._left = deque(range(len(tables)))
        self._ready: list[queue.Queue[Batch | None]] = [queue.Queue(1) for _table in tables]
        self._count = max(min(jobs, len(tables)), 1)
        self._places = threading.Semaphore(self._count * _TABLES_AHEAD)
        self._stopped = threading.Event()
        self._failure: Exception | None = None
        self._first = Reader(state)
        self._readers = [self._first]
        self._started = 0
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> ReadAhead:
        # Before the others, for which the server or this role may have no connections.
        self._stack.enter_context(self._first)
        pool = self._stack.enter_context(ThreadPoolExecutor(self._count, "read"))
        self._stack.callback(self._stop)
        try:
            for number in range(self._count):
                pool.submit(self._work, self._first if number == 0 else None)
                self._started += 1
        except RuntimeError as error:
            if not is_no_more_threads(error):
                raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def batches(self, number: int) -> Iterator[Batch]:
        """Yield the rows of one of the tables. They are to be asked for in their order."""
        if not self._started:
            one = self._tables[number]
            yield from self._first.batches(one.schema, one.table, one.without)
            return
        while (batch := self._take(number)) is not None:
            yield batch
        self._places.release()

    def _take(self, number: int) -> Batch | None:
        while True:
            try:
                return self._ready[number].get(timeout=POLL_INTERVAL_SECONDS)
            except queue.Empty:
                if self._failure is not None:
                    raise self._failure from None

    def _put(self, number: int, batch: Batch | None) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Full):
                self._ready[number].put(batch, timeout=POLL_INTERVAL_SECONDS)
                return
        raise _StoppedError

    def _work(self, reader: Reader | None) -> None:
        with contextlib.suppress(_StoppedError):
            try:
                self._read_all(reader)
            except _StoppedError:
                raise
            except Exception as error:  # noqa: BLE001 - it is raised where the rows are taken
                self._failure = error

    def _read_all(self, reader: Reader | None) -> None:
        with contextlib.ExitStack() as stack:
            if reader is None:
                try:
                    reader = stack.enter_context(Reader(self._state, patient=False))
                except MigrateToPgError:
                    # There are no more connections: the others read all.
                    return
                self._readers.append(reader)
            for number in self._numbers():
                one = self._tables[number]
                with contextlib.closing(reader.batches(one.schema, one.table, one.without)) as batches:
                    for batch in batches:
                        self._put(number, batch)
                self._put(number, None)

    def _numbers(self) -> Iterator[int]:
        """Yield the next table whenever there is a place for its rows."""
        while not self._stopped.is_set():
            if self._places.acquire(timeout=POLL_INTERVAL_SECONDS):
                number = next(drain(self._left), None)
                if number is None:
                    return
                yield number

    def _stop(self) -> None:
        self._stopped.set()
        for reader in self._readers:
            reader.cancel()
