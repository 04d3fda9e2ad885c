"""Write batches of rows into the new file: by Arrow's driver, or by Python's sqlite3 where that one cannot.

Arrow's driver binds a batch without a Python object for each value. It knows no functions and collations of the
project, which a generated column or a unique key may need, nor the values that only Python has.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import adbc_driver_manager
import adbc_driver_sqlite.dbapi
import pyarrow as pa

from migrate_to_pg.move_back.make_schema import PRAGMAS
from migrate_to_pg.move_back.read_rows import Batch
from migrate_to_pg.sqlite.sql import Sql

#: What SQLite says before it writes anything, where it lacks what the project registers.
_UNKNOWN = ("no such function", "no such collation", "no such module")


class RefusedError(Exception):
    """SQLite refuses a row of a batch, at this place. The message is SQLite's."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


class Writer:
    """Connections to the new file, of which one at a time is open. A context manager.

    ``open_plain`` opens one of Python's sqlite3 with all that the project registers.
    """

    def __init__(self, path: Path, open_plain: Callable[[], Any]) -> None:
        self._path = path
        self._open_plain = open_plain
        self._stack = ExitStack()
        self._arrow: Any = None
        self._plain: sqlite3.Connection | None = None
        # Arrow's driver takes Ctrl-C away from the main thread while it works.
        self._thread = ThreadPoolExecutor(1, "write")
        #: The statements that Arrow's driver cannot prepare.
        self._only_plain: set[str] = set()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *exception: object) -> None:
        self._thread.shutdown()
        self._stack.close()

    def write(self, insert: Sql, batch: Batch) -> int:
        """Write rows in one transaction. Return how many they were.

        Raises:
            RefusedError: SQLite refuses one of them. The file, which has no journal, is to be thrown away.
            sqlite3.Error: it could not be written.
        """
        if insert not in self._only_plain and all(isinstance(column, pa.Array) for column in batch):
            rows = pa.RecordBatch.from_arrays(batch, [str(number) for number in range(len(batch))])
            if self._arrow is None:
                # In the thread that opened it, as Django demands.
                self._close()
            with suppress(_UnpreparedError):
                return self._thread.submit(self._write_arrow, insert, rows).result()
            self._only_plain.add(insert)
        return self._write_plain(insert, [c.to_pylist() if isinstance(c, pa.Array) else c for c in batch])

    def _write_arrow(self, insert: Sql, rows: pa.RecordBatch) -> int:
        if self._arrow is None:
            self._arrow = self._stack.enter_context(adbc_driver_sqlite.dbapi.connect(str(self._path), autocommit=True))
            with self._arrow.cursor() as cursor:
                for pragma in PRAGMAS:
                    cursor.execute(pragma)
        with self._arrow.cursor() as cursor, _translated(cursor):
            cursor.execute("BEGIN")
            cursor.executemany(insert, rows)
            cursor.execute("COMMIT")
        return int(rows.num_rows)

    def _write_plain(self, insert: Sql, columns: list[list[Any]]) -> int:
        if self._plain is None:
            self._close()
            self._plain = self._stack.enter_context(self._open_plain())
        database = self._plain
        before = database.total_changes
        database.execute("BEGIN")
        try:
            database.executemany(insert, zip(*columns, strict=True))
        except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError) as error:
            raise RefusedError(str(error), database.total_changes - before) from error
        database.execute("COMMIT")
        return database.total_changes - before

    def _close(self) -> None:
        self._stack.close()
        self._arrow = self._plain = None


class _UnpreparedError(Exception):
    """Arrow's driver cannot prepare a statement."""


@contextmanager
def _translated(cursor: Any) -> Iterator[None]:
    """Raise in place of the driver's errors what Python's sqlite3 would raise."""
    cursor.execute("SELECT total_changes()")
    before = cursor.fetchone()[0]
    try:
        yield
    except adbc_driver_manager.Error as error:
        message = str(error).partition("\n")[0].rpartition("statement: ")[2]
        if any(words in message for words in _UNKNOWN):
            cursor.execute("ROLLBACK")
            raise _UnpreparedError from error
        if "constraint failed" not in message:
            raise sqlite3.OperationalError(message) from error
        cursor.execute("SELECT total_changes()")
        raise RefusedError(message, cursor.fetchone()[0] - before) from error
