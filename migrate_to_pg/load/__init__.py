"""Load the rows of all planned tables into the incoming schema.

Arrow batches from SQLite (``codecs.reader``) are sent by PostgreSQL's binary COPY (``copy``). Each of several
connections takes the next piece of the rows (``pieces``) until none is left. The first failure stops all of them.
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
from migrate_to_pg.load.copy import CopyContext
from migrate_to_pg.load.pieces import Piece, pieces_of
from migrate_to_pg.load.row_counts import RowCounts
from migrate_to_pg.records import LoadedTable, Plan, PlannedTable, Progress
from migrate_to_pg.system.threads import drain, run_all

__all__ = ["load"]


def load(
    plan: Plan,
    snapshot: Path,
    conninfo: str,
    *,
    schema: str,
    progress: Progress,
    jobs: int = 1,
    check_batch: Callable[[TableBatch], None] = lambda _: None,
    present: Mapping[str, int] | None = None,
    on_loaded: Callable[[str, int], None] = lambda _table, _rows: None,
) -> tuple[LoadedTable, ...]:
    """Load every row of the snapshot.

    The tables must be empty, without indexes and foreign keys, and their triggers disabled.

    Args:
        plan: the tables to load.
        snapshot: the SQLite file.
        conninfo: the target.
        schema: the incoming schema.
        progress: is called with the rows that were sent.
        jobs: number of connections.
        check_batch: is called with each batch before it is sent, by several threads at once. An exception in it stops
            the load.
        present: tables that have all their rows already, with their number of rows.
        on_loaded: is called with each other table and its rows, once its last row is committed.

    Raises:
        RefusedRowsError: PostgreSQL refused a row.
    """
    present = present or {}
    pieces = pieces_of(plan, snapshot, jobs=jobs, without=present)
    counts = RowCounts(plan, pieces, present, progress, on_loaded)
    with CopyContext(plan, snapshot, schema, check_batch) as copy:
        pool = _WorkerPool(pieces, counts, copy, conninfo)
        pool.run(min(jobs, len(pieces)))
        pool.compute(plan.tables)
    if pool.refused:
        raise RefusedRowsError(pool.refused)
    return counts.loaded()


class _WorkerPool:
    """The connections, and the pieces that are left for them."""

    def __init__(self, pieces: Sequence[Piece], counts: RowCounts, copy: CopyContext, conninfo: str) -> None:
        self.left = deque(pieces)
        self.counts = counts
        self.copy = copy
        self.conninfo = conninfo
        #: Held while a table of very large rows is loaded: several of them would need too much memory.
        self.wide = threading.Lock()
        #: Error of each table with a refused row. Loading continues, so that all such tables become known.
        self.refused: dict[str, RefusedRowError] = {}

    def run(self, connections: int) -> None:
        """Load all pieces. Not in the main thread, where the driver would intercept and lose Ctrl-C."""
        run_all("load", [self._work] * max(connections, 1), self._stop, alone_here=False)

    def compute(self, tables: Iterable[PlannedTable]) -> None:
        """Compute virtual columns once, because PostgreSQL would report errors in them only when they are read."""
        virtual = [t for t in tables if any(c.virtual for c in t.target.columns) and t.name not in self.refused]
        if virtual:
            run_all("load", [lambda: self._compute(virtual)], self._stop, alone_here=False)

    def _compute(self, tables: Iterable[PlannedTable]) -> None:
        for table in tables:
            try:
                with connect(self.conninfo) as connection:
                    self.copy.compute(table, connection)
            except RefusedRowError as error:
                self.refused[error.table] = error

    def _stop(self) -> None:
        self.left.clear()
        self.copy.stop()

    def _work(self) -> None:
        while self._load_until_refused():
            pass

    def _load_until_refused(self) -> bool:
        """Load pieces over one connection. Return False if none is left, True if a row was refused."""
        try:
            with connect(self.conninfo) as connection:
                for piece in drain(self.left):
                    if piece.table.name in self.refused:
                        continue
                    with self.wide if piece.table.source.is_wide else nullcontext(), self.counts.timing(piece) as sent:
                        self.copy.send(piece, connection, sent)
        except RefusedRowError as error:
            self.refused.setdefault(error.table, error)
            return True
        return False
