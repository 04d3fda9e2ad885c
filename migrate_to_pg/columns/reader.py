"""A planned table and the snapshot in, batches of converted columns out: the one reading that examine and load share.

A table is first read by the plain statement, which fails at the first value that is not sound; from that row on it is
read by the guarded one, which gives every value or says why not (see ``selection``). A thread reads one batch ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import adbc_driver_manager
import adbc_driver_sqlite.dbapi as sqlite
import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.columns import codec_for
from migrate_to_pg.columns.ahead import ahead
from migrate_to_pg.columns.codec import Context, Doubtful
from migrate_to_pg.columns.selection import Span, Statement, guarded, plain
from migrate_to_pg.errors import SourceError
from migrate_to_pg.language import gettext as _
from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.sqlite import snapshot_uri

#: Rows in a batch. Measured on 2,000,000 rows of eleven columns, driver alone: 32 rows 3.2 s, 256 rows 2.1 s, and from
#: 2,048 to 131,072 rows 1.9 s; conversion has its own cost for each batch, and larger ones would only cost memory.
BATCH_ROWS = 32_768
#: The same for a span, of which several are read and sent at once: two at a time took 3.05 s with batches of 8,192 or
#: 16,384 rows, 3.2 s with 4,096 or 32,768.
SPAN_BATCH_ROWS = 16_384
#: What one batch may weigh where rows are wide; joined from smaller ones, it may come to twice that.
BATCH_BYTES = 16 * 2**20
#: Rows that the driver may hold of a table whose widest row is unknown (a virtual table).
_CAUTIOUS_ROWS = 64
#: The driver reports through its own errors before the first batch, and through Arrow's after it.
_READ_ERRORS = (adbc_driver_manager.Error, pa.ArrowException, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnBatch:
    """One column of one batch."""

    column: PlannedColumn
    values: pa.Array
    #: True where the storage class is none that carries this type; None: nowhere.
    wrong_storage: pa.BooleanArray | None
    #: True where the value cannot become one of PostgreSQL's; None: nowhere.
    malformed: pa.BooleanArray | None

    @property
    def is_null(self) -> pa.BooleanArray:
        """True where SQLite holds NULL itself, not where a value was set aside."""
        empty = self.values.is_null()
        for mask in (self.wrong_storage, self.malformed):
            if mask is not None:
                empty = pc.and_not(empty, mask)
        return empty


@dataclass(frozen=True, slots=True, kw_only=True)
class TableBatch:
    """Some rows of a table, in rowid order."""

    columns: tuple[ColumnBatch, ...]
    #: SQLite's rowid of each row; None for a WITHOUT ROWID table, or where they were not asked for.
    rowids: pa.Int64Array | None
    rows: int

    @property
    def faultless(self) -> bool:
        """Whether every value became one of PostgreSQL's."""
        return all(c.wrong_storage is None and c.malformed is None for c in self.columns)


def read(
    table: PlannedTable, snapshot: Path, *, time_zone: str, rowids: bool = True, span: Span | None = None
) -> Generator[TableBatch, None, None]:
    """All loaded columns of a table, or of a span of its rows, batch after batch, as the codecs convert them.

    Raises SourceError where SQLite cannot read the table.
    Close it where it is not read to the end: a thread waits at the other one.
    """
    reading = _Reading(table, snapshot, time_zone, rowids, span)
    try:
        yield from reading.run(plain)
    except (Doubtful, *_READ_ERRORS):
        yield from reading.run_guarded()


class _Reading:
    """One table, and how much of it has been read."""

    def __init__(self, table: PlannedTable, snapshot: Path, time_zone: str, rowids: bool, span: Span | None) -> None:
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
        """The rows that have not been read."""
        statement = make(self.table, rowids=self.rowids, span=self.span)
        most = BATCH_ROWS if self.span is None else SPAN_BATCH_ROWS
        made = _record_batches(self.snapshot, self.table, statement, most)
        # One large row more in memory would cost more than the waiting.
        with closing(made if self.table.source.is_wide else ahead(made)) as batches:
            for batch in _from(batches, self.done):
                converted = self._convert(batch, statement)
                self.done += batch.num_rows
                yield converted

    def run_guarded(self) -> Iterator[TableBatch]:
        """The same by the guarded statement; it has no value to refuse, so what fails now is the file."""
        try:
            yield from self.run(guarded)
        except _READ_ERRORS as error:
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
                ColumnBatch(column=column, values=converted.values, wrong_storage=wrong, malformed=converted.malformed)
            )
        rowids = batch.columns[-1] if statement.has_rowid else None
        return TableBatch(columns=tuple(columns), rowids=rowids, rows=batch.num_rows)


def _from(batches: Iterable[pa.RecordBatch], row: int) -> Iterator[pa.RecordBatch]:
    """The batches without their first rows."""
    for batch in batches:
        if row < batch.num_rows:
            yield batch.slice(row)
        row = max(0, row - batch.num_rows)


def _record_batches(
    snapshot: Path, table: PlannedTable, statement: Statement, most: int
) -> Generator[pa.RecordBatch, None, None]:
    """What the driver gives, without the typed row in front, in batches of about the same weight."""
    with _open(snapshot) as cursor:
        rows = _driver_rows(table, most)
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(rows)})
        cursor.execute(statement.sql)
        batches = cursor.fetch_record_batch()
        if tuple(batches.schema.types) != statement.types:
            raise Doubtful
        yield from _together(_from(batches, 1), rows, most)


def _driver_rows(table: PlannedTable, most: int) -> int:
    """Rows of the driver's batches: as many as would weigh BATCH_BYTES if each were as large as the largest."""
    largest = table.source.largest_row
    return _CAUTIOUS_ROWS if largest is None else max(1, min(most, BATCH_BYTES // max(largest, 1)))


def _together(batches: Iterable[pa.RecordBatch], rows: int, most: int) -> Iterator[pa.RecordBatch]:
    """Small batches joined: one large row makes the driver's batches small for the whole table."""
    held: list[pa.RecordBatch] = []
    weight = count = 0
    for batch in batches:
        held.append(batch)
        weight += batch.nbytes
        count += batch.num_rows
        if weight >= BATCH_BYTES or count + rows > most:
            yield _joined(held)
            held, weight, count = [], 0, 0
    if held:
        yield _joined(held)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


@contextmanager
def _open(snapshot: Path) -> Iterator[Any]:
    # The cursor must be closed before its connection.
    with sqlite.connect(snapshot_uri(snapshot)) as connection, connection.cursor() as cursor:
        yield cursor
