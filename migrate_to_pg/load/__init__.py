"""Send the rows of every planned table from the snapshot to the incoming schema.

SQLite -> Arrow batches (columns.reader) -> PostgreSQL's binary COPY (``copy``), over one connection or several: each
takes the next piece of the rows (``pieces``) until none is left, and the first failure stops them all.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from migrate_to_pg.codecs.reader import TableBatch
from migrate_to_pg.errors import RefusedRowError, RefusedRowsError
from migrate_to_pg.load.arrow_connection import connect
from migrate_to_pg.load.copy import Copy
from migrate_to_pg.load.pieces import Piece, pieces_of
from migrate_to_pg.load.row_counts import RowCounts
from migrate_to_pg.records import Event, LoadedTable, Plan, PlannedTable
from migrate_to_pg.system.threads import drain, run_all

__all__ = ["load"]

Progress = Callable[[Event], None]


def load(
    plan: Plan,
    snapshot: Path,
    conninfo: str,
    *,
    schema: str,
    progress: Progress,
    jobs: int = 1,
    require_sound: Callable[[TableBatch], None] = lambda _: None,
    whole: Mapping[str, int] | None = None,
    on_whole: Callable[[str, int], None] = lambda _table, _rows: None,
) -> tuple[LoadedTable, ...]:
    """Send every row of the snapshot; raises RefusedRowsError, naming a row, where any is refused.

    The tables must be empty and bare: indexes, foreign keys and triggers set aside. ``jobs`` is the number of
    connections. ``require_sound`` is shown every batch before it is sent, and stops the load by what it raises; it may
    be called by several threads at once. ``whole`` names the tables that have all their rows already, with their
    number; ``on_whole`` is told each other one, once its last row is committed.
    """
    present = whole or {}
    pieces = pieces_of(plan, snapshot, jobs=jobs, without=present)
    tally = RowCounts(plan, pieces, present, progress, on_whole)
    crew = _WorkerPool(pieces, tally, Copy(plan, snapshot, schema, require_sound), conninfo)
    crew.run(min(jobs, len(pieces)))
    crew.compute(plan.tables)
    if crew.find_rejected:
        raise RefusedRowsError(crew.find_rejected)
    return tally.loaded()


class _WorkerPool:
    """The connections at work, and what there is left for them."""

    def __init__(self, pieces: Sequence[Piece], tally: RowCounts, copy: Copy, conninfo: str) -> None:
        self.left = deque(pieces)
        self.tally = tally
        self.copy = copy
        self.conninfo = conninfo
        #: One table of very large rows at a time: several would hold as many of them in memory.
        self.wide = threading.Lock()
        #: Table -> why a row of it was refused. The other tables go on, so that all such tables are known.
        self.find_rejected: dict[str, RefusedRowError] = {}

    def run(self, connections: int) -> None:
        """Until nothing is left; not in the main thread, where the driver would take Ctrl-C for itself and lose it."""
        run_all("load", [self._work] * max(connections, 1), self._stop, alone_here=False)

    def compute(self, tables: Iterable[PlannedTable]) -> None:
        """Columns that PostgreSQL computes only when they are read: what cannot be computed is to be known now."""
        virtual = [t for t in tables if any(c.virtual for c in t.target.columns) and t.name not in self.find_rejected]
        if virtual:
            run_all("load", [lambda: self._compute(virtual)], self._stop, alone_here=False)

    def _compute(self, tables: Iterable[PlannedTable]) -> None:
        for table in tables:
            try:
                with connect(self.conninfo) as connection:
                    self.copy.compute(table, connection)
            except RefusedRowError as error:
                self.find_rejected[error.table] = error

    def _stop(self) -> None:
        self.left.clear()
        self.copy.stop()

    def _work(self) -> None:
        while self._is_running():
            pass

    def _is_running(self) -> bool:
        """Send pieces over one connection until none is left, which is False, or one of its rows is refused."""
        try:
            with connect(self.conninfo) as connection:
                for piece in drain(self.left):
                    if piece.table.name not in self.find_rejected:
                        self._take(piece, connection)
        except RefusedRowError as error:
            self.find_rejected.setdefault(error.table, error)
            return True
        return False

    def _take(self, piece: Piece, connection: object) -> None:
        with self.wide if piece.table.source.is_wide else nullcontext(), self.tally.timing(piece) as sent:
            self.copy.send(piece, connection, sent)
