"""Query a snapshot by Arrow's SQLite driver, in batches of about the same size in bytes.

The driver derives a column's type from its first rows. So the query's first row has a typed literal in every column,
and is not returned.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import adbc_driver_manager
import pyarrow as pa

from migrate_to_pg.sqlite.arrow_connections import ArrowConnections
from migrate_to_pg.sqlite.missing_functions import open_for_reading

#: Measured on 2,000,000 rows of eleven columns, driver alone: 32 rows 3.2 s, 256 rows 2.1 s, and from 2,048 to 131,072
#: rows 1.9 s. Two spans that were loaded at once took 3.05 s with batches of 8,192 or 16,384 rows, 3.2 s with 4,096 or
#: 32,768. Larger ones cost memory.
BATCH_ROWS = 16_384
#: Size of a batch of wide rows. A batch that is joined from smaller ones may have twice that.
BATCH_BYTES = 16 * 2**20
#: Rows in the driver's batches of a table whose largest row is unknown (a virtual table).
_CAUTIOUS_ROWS = 64
#: The driver reports through its own errors before the first batch, and through Arrow's after it.
READ_ERRORS = (adbc_driver_manager.Error, pa.ArrowException, OSError)
#: SQLite's messages about a missing collation or function. "no query solution": the table is sorted by it.
_LACKS = re.compile("no such collation|no such function|unknown function|no query solution")
#: Python's classes of values of those types.
_CLASSES = {pa.int64(): int, pa.float64(): float, pa.binary(): bytes}


class TypesChangedError(Exception):
    """The driver's columns have other types than the query expects."""


def record_batches(
    snapshot: ArrowConnections, query: str, types: Sequence[pa.DataType], *, largest: int | None, max_rows: int
) -> Generator[pa.RecordBatch, None, None]:
    """Yield the query's rows without the typed first row.

    ``largest`` is the size of the largest row, if known. ``max_rows`` limits the rows of a batch. Raises
    TypesChangedError and the exceptions in READ_ERRORS.
    """
    with snapshot.cursor() as cursor:
        rows = _driver_rows(largest, max_rows)
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(rows)})
        try:
            cursor.execute(query)
        except adbc_driver_manager.Error as error:
            if not _LACKS.search(str(error)):
                raise
            # The driver's SQLite lacks the functions that the project registers with Python's.
            yield from _coalesce(_read_by_python(snapshot.snapshot, query, types, rows), rows, max_rows)
            return
        batches = cursor.fetch_record_batch()
        if tuple(batches.schema.types) != tuple(types):
            raise TypesChangedError
        yield from _coalesce(skip_rows(batches, 1), rows, max_rows)


def skip_rows(batches: Iterable[pa.RecordBatch], row: int) -> Iterator[pa.RecordBatch]:
    """Yield the batches without the first rows."""
    for batch in batches:
        if row < batch.num_rows:
            yield batch.slice(row)
        row = max(0, row - batch.num_rows)


def _driver_rows(largest: int | None, max_rows: int) -> int:
    """Return the rows of the driver's batches: BATCH_BYTES divided by the size of the largest row."""
    return _CAUTIOUS_ROWS if largest is None else max(1, min(max_rows, BATCH_BYTES // max(largest, 1)))


def _coalesce(batches: Iterable[pa.RecordBatch], rows: int, max_rows: int) -> Iterator[pa.RecordBatch]:
    """Join small batches. One large row makes the driver's batches small for the complete table."""
    held: list[pa.RecordBatch] = []
    weight = count = 0
    for batch in batches:
        held.append(batch)
        weight += batch.nbytes
        count += batch.num_rows
        if weight >= BATCH_BYTES or count + rows > max_rows:
            yield _join(held)
            held, weight, count = [], 0, 0
    if held:
        yield _join(held)


def _join(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


def _read_by_python(snapshot: Path, query: str, types: Sequence[pa.DataType], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the query's rows by Python's SQLite with the project's functions and placeholders for missing ones.

    No value is converted: an integer among reals raises TypesChangedError.
    """
    with closing(open_for_reading(snapshot)) as database:
        database.text_factory = bytes
        try:
            cursor = database.execute(query)
            cursor.fetchone()
            while found := cursor.fetchmany(rows):
                columns = list(zip(zip(*found, strict=True), types, strict=True))
                if any(not set(map(type, values)) <= {_CLASSES[wanted], type(None)} for values, wanted in columns):
                    raise TypesChangedError
                arrays = [pa.array(values, wanted) for values, wanted in columns]
                yield pa.RecordBatch.from_arrays(arrays, names=[str(number) for number in range(len(types))])
        except sqlite3.Error as error:
            raise OSError(str(error)) from error
