"""Count the loaded rows of all threads, for progress and to detect complete tables."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from migrate_to_pg.load.pieces import Piece
from migrate_to_pg.records import Event, LoadedTable, Plan, Progress


class RowCounts:
    """The loaded rows of each table."""

    def __init__(
        self,
        plan: Plan,
        pieces: Sequence[Piece],
        present: Mapping[str, int],
        progress: Progress,
        on_loaded: Callable[[str, int], None],
    ) -> None:
        self._plan = plan
        self._progress = progress
        self._on_loaded = on_loaded
        self._lock = threading.Lock()
        self._rows = Counter(present)
        self._missing = Counter(piece.table.name for piece in pieces)
        self._begun: dict[str, float] = {}
        self._ended: dict[str, float] = {}
        self._total = sum(table.source.rows for table in plan.tables)

    @contextmanager
    def timing(self, piece: Piece) -> Iterator[Callable[[int], None]]:
        """Measure the loading of a piece. Yield a function to call with the rows of each batch."""
        name = piece.table.name
        self._begun.setdefault(name, time.perf_counter())

        def sent(rows: int) -> None:
            with self._lock:
                self._rows[name] += rows
                done = sum(self._rows.values())
                self._progress(Event(kind="progress", stage="load", message=name, done=done, total=self._total))

        yield sent
        with self._lock:
            self._ended[name] = time.perf_counter()
            self._missing[name] -= 1
            if not self._missing[name]:
                self._on_loaded(name, self._rows[name])

    def loaded(self) -> tuple[LoadedTable, ...]:
        """Return every planned table, with the time from its first piece to its last."""
        seconds = {name: ended - self._begun[name] for name, ended in self._ended.items()}
        names = [table.name for table in self._plan.tables]
        return tuple(LoadedTable(name=name, rows=self._rows[name], seconds=seconds.get(name, 0.0)) for name in names)
