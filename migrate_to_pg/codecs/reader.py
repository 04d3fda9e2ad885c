"""A planned table and the snapshot in, batches of converted columns out: the one reading that examine and load share.

A table is first read by the plain statement, which fails at the first value that is not sound; from that row on it is
read by the guarded one, which gives every value or says why not (see ``selection``). A thread reads one batch ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs import codec_for
from migrate_to_pg.codecs.base import Context, NeedsCheckedRead
from migrate_to_pg.codecs.driver import BATCH_ROWS, READ_ERRORS, OtherTypesError, later, record_batches
from migrate_to_pg.codecs.prefetch import prefetch
from migrate_to_pg.codecs.select import Span, Statement, guarded, plain
from migrate_to_pg.errors import SourceError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import PlannedColumn, PlannedTable

#: The same for a span, of which several are read and sent at once: two at a time took 3.05 s with batches of 8,192 or
#: 16,384 rows, 3.2 s with 4,096 or 32,768.
SPAN_BATCH_ROWS = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnBatch:
    """One column of one batch."""

    column: PlannedColumn
    values: pa.Array
    #: True where the storage class is none that carries this type; None: nowhere.
    wrong_storage: pa.BooleanArray | None
    #: True where the value cannot become one of PostgreSQL's; None: nowhere.
    malformed: pa.BooleanArray | None
    #: Of JSON, true where it is that for bytes that are no UTF-8; None: nowhere.
    undecodable: pa.BooleanArray | None = None

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
    def is_valid(self) -> bool:
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
    except (NeedsCheckedRead, OtherTypesError, *READ_ERRORS):
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
        source = self.table.source
        made = record_batches(self.snapshot, statement.sql, statement.types, largest=source.largest_row, most=most)
        # One large row more in memory would cost more than the waiting.
        with closing(made if source.is_wide else prefetch(made)) as batches:
            for batch in later(batches, self.done):
                converted = self._convert(batch, statement)
                self.done += batch.num_rows
                yield converted

    def run_guarded(self) -> Iterator[TableBatch]:
        """The same by the guarded statement; it has no value to refuse, so what fails now is the file."""
        try:
            yield from self.run(guarded)
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
