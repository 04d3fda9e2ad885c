"""Read a planned table from the snapshot in batches of converted columns, for examine and load.

A table is first read by the fast statement, which fails at the first invalid value. From that row on it is read by the
checked statement, which returns each value or the reason why it is invalid (see ``select``). A thread reads one batch
ahead: the SQLite driver and Arrow release Python's lock while they work, so a batch is read while the one before it is
converted and sent.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs import codec_for
from migrate_to_pg.codecs.codec import Context, NeedsCheckedRead
from migrate_to_pg.codecs.driver import BATCH_ROWS, READ_ERRORS, TypesChangedError, record_batches, skip_rows
from migrate_to_pg.codecs.select import Span, Statement, checked_select, fast_select
from migrate_to_pg.errors import SourceError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.sqlite.arrow_connections import ArrowConnections
from migrate_to_pg.system.threads import is_no_more_threads


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnBatch:
    """One column of one batch."""

    column: PlannedColumn
    values: pa.Array
    #: True where the storage class does not suit the type. None if it does everywhere.
    wrong_storage: pa.BooleanArray | None
    #: True where the value cannot be converted. None if all can.
    malformed: pa.BooleanArray | None
    #: For JSON, true where the value is malformed because its bytes are no UTF-8. None if there is no such value.
    undecodable: pa.BooleanArray | None = None

    @property
    def is_null(self) -> pa.BooleanArray:
        """Return a mask that is true where SQLite has NULL, but not where a value was masked."""
        empty = self.values.is_null()
        for mask in (self.wrong_storage, self.malformed):
            if mask is not None:
                empty = pc.and_not(empty, mask)
        return empty


@dataclass(frozen=True, slots=True, kw_only=True)
class TableBatch:
    """Some rows of a table, in rowid order."""

    columns: tuple[ColumnBatch, ...]
    #: SQLite's rowid of each row. None for a WITHOUT ROWID table, or if they were not requested.
    rowids: pa.Int64Array | None
    rows: int

    @property
    def is_valid(self) -> bool:
        """Return whether all values could be converted."""
        return all(c.wrong_storage is None and c.malformed is None for c in self.columns)


def read(
    table: PlannedTable, snapshot: ArrowConnections, *, time_zone: str, rowids: bool = True, span: Span | None = None
) -> Generator[TableBatch, None, None]:
    """Yield the converted columns of a table, or of a span of its rows, in batches.

    Raises SourceError if SQLite cannot read the table. Close the generator if it is not read to the end, because a
    thread is waiting.
    """
    reading = _TableReader(table, snapshot, time_zone, rowids, span)
    try:
        yield from reading.run(fast_select)
    except (NeedsCheckedRead, TypesChangedError, *READ_ERRORS):
        yield from reading.run_checked()


class _TableReader:
    """Reads one table, and counts the rows that it has read."""

    def __init__(
        self, table: PlannedTable, snapshot: ArrowConnections, time_zone: str, rowids: bool, span: Span | None
    ) -> None:
        self.table = table
        self.snapshot = snapshot
        self.rowids = rowids
        self.span = span
        self.done = 0
        self.columns = [
            (column, codec_for(column.target), Context(column=column.target, time_zone=time_zone))
            for column in table.loaded_columns
        ]

    def run(self, make: Callable[..., Statement]) -> Iterator[TableBatch]:
        """Yield the rows that have not been read."""
        statement = make(self.table, rowids=self.rowids, span=self.span)
        source = self.table.source
        batches_read = record_batches(
            self.snapshot, statement.sql, statement.types, largest=source.largest_row, max_rows=BATCH_ROWS
        )
        # Another large row in memory would cost more than waiting for it. A single batch needs no thread.
        with closing(
            batches_read if source.is_wide or source.rows <= BATCH_ROWS else prefetch(batches_read)
        ) as batches:
            for batch in skip_rows(batches, self.done):
                converted = self._convert(batch, statement)
                self.done += batch.num_rows
                yield converted

    def run_checked(self) -> Iterator[TableBatch]:
        """Yield the remaining rows by the checked statement. It accepts every value, so an error is the file's."""
        try:
            yield from self.run(checked_select)
        except READ_ERRORS as error:
            raise SourceError(
                _("SQLite could not read table {source}.", source=self.table.source.name),
                detail=[str(error)],
                remedy=_("Run PRAGMA integrity_check on the database; restore the damaged table from a backup."),
            ) from error

    def _convert(self, batch: pa.RecordBatch, statement: Statement) -> TableBatch:
        columns = []
        for index, (parts, (column, codec, context)) in enumerate(
            zip(statement.parts(batch), self.columns, strict=True)
        ):
            converted = codec.convert(parts, context)
            wrong = statement.wrong_storage(batch, index)
            columns.append(
                ColumnBatch(
                    column=column,
                    values=converted.values,
                    wrong_storage=wrong,
                    malformed=converted.malformed,
                    undecodable=converted.undecodable,
                )
            )
        rowids = batch.columns[-1] if statement.has_rowid else None
        return TableBatch(columns=tuple(columns), rowids=rowids, rows=batch.num_rows)


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
