"""A snapshot and a query in, its rows as Arrow batches of about the same weight out: the SQLite driver, tamed.

The driver takes a column's type from its first rows: the query's first row is typed in every column, and is left out
of what is given.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import adbc_driver_manager
import adbc_driver_sqlite.dbapi as sqlite
import pyarrow as pa

from migrate_to_pg.sqlite.connection import snapshot_uri
from migrate_to_pg.sqlite.missing_functions import open_for_reading

#: Rows in a batch. Measured on 2,000,000 rows of eleven columns, driver alone: 32 rows 3.2 s, 256 rows 2.1 s, and from
#: 2,048 to 131,072 rows 1.9 s; conversion has its own cost for each batch, and larger ones would only cost memory.
BATCH_ROWS = 32_768
#: What one batch may weigh where rows are wide; joined from smaller ones, it may come to twice that.
BATCH_BYTES = 16 * 2**20
#: Rows that the driver may hold of a table whose widest row is unknown (a virtual table).
_CAUTIOUS_ROWS = 64
#: The driver reports through its own errors before the first batch, and through Arrow's after it.
READ_ERRORS = (adbc_driver_manager.Error, pa.ArrowException, OSError)
#: What SQLite says where a collation or a function is missing: of one that a table is sorted by, that no plan is left.
_LACKS = re.compile("no such collation|no such function|unknown function|no query solution")
#: The classes in which Python gives values of those types.
_CLASSES = {pa.int64(): int, pa.float64(): float, pa.binary(): bytes}


class OtherTypesError(Exception):
    """The driver's columns are not of the types that the query was made for."""


def record_batches(
    snapshot: Path, query: str, types: Sequence[pa.DataType], *, largest: int | None, most: int
) -> Generator[pa.RecordBatch, None, None]:
    """What the driver gives, without the typed row in front.

    ``largest`` is the size of the largest row, where that is known, ``most`` the rows of a batch. Raises
    OtherTypesError, and whatever is in READ_ERRORS.
    """
    with _open(snapshot) as cursor:
        rows = _driver_rows(largest, most)
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(rows)})
        try:
            cursor.execute(query)
        except adbc_driver_manager.Error as error:
            if not _LACKS.search(str(error)):
                raise
            # The driver's SQLite knows nothing of what the project registers with Python's.
            yield from _coalesce(_by_python(snapshot, query, types, rows), rows, most)
            return
        batches = cursor.fetch_record_batch()
        if tuple(batches.schema.types) != tuple(types):
            raise OtherTypesError
        yield from _coalesce(later(batches, 1), rows, most)


def later(batches: Iterable[pa.RecordBatch], row: int) -> Iterator[pa.RecordBatch]:
    """The batches without their first rows."""
    for batch in batches:
        if row < batch.num_rows:
            yield batch.slice(row)
        row = max(0, row - batch.num_rows)


def _driver_rows(largest: int | None, most: int) -> int:
    """Rows of the driver's batches: as many as would weigh BATCH_BYTES if each were as large as the largest."""
    return _CAUTIOUS_ROWS if largest is None else max(1, min(most, BATCH_BYTES // max(largest, 1)))


def _coalesce(batches: Iterable[pa.RecordBatch], rows: int, most: int) -> Iterator[pa.RecordBatch]:
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


def _by_python(snapshot: Path, query: str, types: Sequence[pa.DataType], rows: int) -> Iterator[pa.RecordBatch]:
    """The same rows, as the same types or not at all, with the project's functions and stand-ins for others."""
    with closing(open_for_reading(snapshot)) as database:
        database.text_factory = bytes
        try:
            cursor = database.execute(query)
            cursor.fetchone()
            while found := cursor.fetchmany(rows):
                columns = zip(*found, strict=True)
                yield pa.RecordBatch.from_arrays(
                    [_typed(values, wanted) for values, wanted in zip(columns, types, strict=True)],
                    names=[str(number) for number in range(len(types))],
                )
        except sqlite3.Error as error:
            raise OSError(str(error)) from error


def _typed(values: tuple[object, ...], wanted: pa.DataType) -> pa.Array:
    """Never converted: an integer among reals is another value."""
    if not set(map(type, values)) <= {_CLASSES[wanted], type(None)}:
        raise OtherTypesError
    return pa.array(values, wanted)


@contextmanager
def _open(snapshot: Path) -> Iterator[Any]:
    # The cursor must be closed before its connection.
    with sqlite.connect(snapshot_uri(snapshot)) as connection, connection.cursor() as cursor:
        yield cursor
