"""Load one piece of a table into the incoming schema by binary COPY of Arrow batches, in one transaction.

PostgreSQL checks only the width of a value's binary form. So the Arrow types are checked before they are sent.
"""

from __future__ import annotations

import itertools
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import adbc_driver_manager
import pyarrow as pa
from psycopg import sql

from migrate_to_pg.codecs import codec_for
from migrate_to_pg.codecs.reader import TableBatch, read
from migrate_to_pg.codecs.select import span_condition
from migrate_to_pg.errors import LoadError, RefusedRowError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.load.cast_table import NUMBER, CastTable, RejectedText, needs_cast
from migrate_to_pg.load.pieces import Piece
from migrate_to_pg.project.secret_columns import has_secret, masked, server_reason
from migrate_to_pg.records import Plan, PlannedTable
from migrate_to_pg.sqlite.arrow_connections import ArrowConnections
from migrate_to_pg.sqlite.connection import quote_name, rowid_name
from migrate_to_pg.sqlite.missing_functions import open_for_reading

logger = logging.getLogger(__name__)

#: The server's message in the text of the driver's error.
_MESSAGE = re.compile(r"(?:ERROR|FATAL|PANIC):\s+(.+)")
#: Classes of SQLSTATE that no row causes: connections, transactions, disks, shutdowns, locks, internal errors.
SERVER_ERROR_CLASSES = ("08", "25", "40", "53", "55", "57", "58", "XX")
#: Longest value shown.
_MAX_SHOWN_CHARACTERS = 80
_LINE = re.compile(r"CONTEXT:\s+COPY .+, line (\d+)")


class StoppedError(Exception):
    """Another connection failed, or the run was interrupted. This piece is rolled back."""


class CopyContext:
    """State that all connections share: source, target schema, and whether to stop."""

    def __init__(self, plan: Plan, snapshot: Path, schema: str, check_batch: Callable[[TableBatch], None]) -> None:
        self.time_zone = plan.source_time_zone
        self.snapshot = snapshot
        self.schema = schema
        self.check_batch = check_batch
        self.connections = ArrowConnections(snapshot)
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        self._sending: set[Any] = set()
        #: itertools.count is atomic, so no two threads get the same number.
        self._pieces = itertools.count(1)

    def __enter__(self) -> CopyContext:
        return self

    def __exit__(self, *exception: object) -> None:
        self.connections.__exit__(*exception)

    def cast_table(self, table: PlannedTable) -> CastTable | None:
        """Return a cast table for a piece of the table, or None if no column is sent as text."""
        if not any(map(needs_cast, table.loaded_columns)):
            return None
        return CastTable(table, self.schema, next(self._pieces))

    def send(self, piece: Piece, connection: Any, sent: Callable[[int], None]) -> None:
        """Load and commit all rows of a piece. ``sent`` is called with the number of rows of each batch."""
        _PieceCopy(self, piece, sent).run(connection)

    def compute(self, table: PlannedTable, connection: Any) -> None:
        """Compute the virtual columns of a table once. Raise RefusedRowError if that fails for a row."""
        columns = [sql.SQL("count({})").format(sql.Identifier(c.name)) for c in table.target.columns if c.virtual]
        if not columns:
            return
        query = sql.SQL("SELECT {} FROM {}").format(
            sql.SQL(", ").join(columns), sql.Identifier(self.schema, table.name)
        )
        try:
            with connection.cursor() as cursor, self.cancellable(cursor):
                cursor.execute(query.as_string(None))
                cursor.fetchall()
            connection.commit()
        except adbc_driver_manager.Error as error:
            self.raise_if_stopped()
            raise _refused(table, error) from error

    def stop(self) -> None:
        """Cancel all statements, including those of a driver that waits for the server."""
        self.stopped.set()
        with self._lock:
            for cursor in self._sending:
                with suppress(adbc_driver_manager.Error):
                    cursor.adbc_cancel()

    def raise_if_stopped(self) -> None:
        """Raise StoppedError after ``stop`` was called."""
        if self.stopped.is_set():
            raise StoppedError

    @contextmanager
    def cancellable(self, cursor: Any) -> Iterator[None]:
        """Let ``stop`` cancel the statement of this context."""
        with self._lock:
            self._sending.add(cursor)
        try:
            yield
        finally:
            with self._lock:
                self._sending.remove(cursor)


class _PieceCopy:
    """The loading of one piece."""

    def __init__(self, copy: CopyContext, piece: Piece, sent: Callable[[int], None]) -> None:
        self.copy = copy
        self.piece = piece
        self.table = piece.table
        self.sent = sent
        self.cast_table = copy.cast_table(piece.table)
        self.arrow_schema = arrow_schema(piece.table, numbered=self.cast_table is not None)
        self.rows_sent = 0
        self.batches = read(piece.table, copy.connections, time_zone=copy.time_zone, rowids=False, span=piece.span)
        self.interruption: BaseException | None = None

    def run(self, connection: Any) -> None:
        start = time.perf_counter()
        with closing(self.batches):
            self._copy(connection)
        logger.debug(
            "%s %s: %d rows, %.3f s",
            self.table.name,
            self.piece.span or "",
            self.rows_sent,
            time.perf_counter() - start,
        )

    def _copy(self, connection: Any) -> None:
        try:
            with connection.cursor() as cursor, self.copy.cancellable(cursor):
                if self.cast_table is None:
                    self._ingest(cursor, self.table.name)
                else:
                    self._fill(cursor, self.cast_table)
                    self.cast_table.move_to_target(cursor)
            connection.commit()
        except BaseException as error:
            # The connection is closed next, which rolls back. It may be lost already, so there is no explicit rollback.
            cause = self._or_rejected_text(self._cause(error), error, connection)
            if cause is error:
                raise
            raise cause from error

    def _ingest(self, cursor: Any, name: str) -> None:
        reader = pa.RecordBatchReader.from_batches(self.arrow_schema, self._record_batches())
        cursor.adbc_ingest(name, reader, mode="append", db_schema_name=self.copy.schema)

    def _fill(self, cursor: Any, cast_table: CastTable) -> None:
        cast_table.create(cursor)
        self._ingest(cursor, cast_table.name)

    def find_rejected_text(self, connection: Any) -> RejectedText | None:
        """Find the text that the cast rejected by loading the piece once more. The cast table is dropped afterwards."""
        with closing(self.batches), connection.cursor() as cursor:
            if self.cast_table is None:
                return None
            self._fill(cursor, self.cast_table)
            connection.commit()
            try:
                return self.cast_table.find_rejected(connection)
            finally:
                self.cast_table.drop(cursor)
                connection.commit()

    def _or_rejected_text(self, cause: BaseException, error: BaseException, connection: Any) -> BaseException:
        """Return the error about the rejected text and its row if that was the cause, else the cause."""
        if (
            self.cast_table is None
            or not isinstance(cause, LoadError)
            or not isinstance(error, adbc_driver_manager.Error)
        ):
            return cause
        with suppress(adbc_driver_manager.Error):
            connection.rollback()
            again = _PieceCopy(self.copy, self.piece, lambda _: None)
            if refused := again.find_rejected_text(connection):
                return self._rejected_text_error(refused, error)
        return cause

    def _rejected_text_error(self, refused: RejectedText, error: adbc_driver_manager.Error) -> LoadError:
        """Return the error that names the row, and the text, which only its owner can correct."""
        column = refused.column
        shown = masked(self.table.name, column.name, repr(refused.text[:_MAX_SHOWN_CHARACTERS]))
        return RefusedRowError(
            _(
                "Table {table}, column {column}: PostgreSQL does not read a value as {type}: {reason}",
                table=self.table.name,
                column=column.name,
                type=column.target.type_sql,
                reason=server_reason(_reason(error), error.sqlstate or "", self.table.name, [column.name]),
            ),
            table=self.table.name,
            detail=[*self._where(refused.number), f"{column.name} = {shown}"],
            remedy=_(
                "SQLite keeps this column as text, which PostgreSQL must read as its own: correct the value, then run"
                " again."
            ),
        )

    def _cause(self, error: BaseException) -> BaseException:
        """Return the original error: the driver wraps our exceptions as text, and a stop is a cancelled statement."""
        if self.interruption is not None:
            return self.interruption
        if not isinstance(error, adbc_driver_manager.Error):
            return error
        if self.copy.stopped.is_set():
            return StoppedError()
        return self._refused(error)

    def _record_batches(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self.batches:
                self.copy.raise_if_stopped()
                self.copy.check_batch(batch)
                yield self._record_batch(batch)
                self.sent(batch.rows)
        except BaseException as error:
            self.interruption = error
            raise

    def _record_batch(self, batch: TableBatch) -> pa.RecordBatch:
        """Return the batch with exactly checked types: from_arrays would cast, and COPY checks only the width."""
        for column, field in zip(batch.columns, self.arrow_schema, strict=False):
            where = _("Table {table}, column {column}", table=self.table.name, column=column.column.name)
            if column.wrong_storage is not None or column.malformed is not None:
                raise LoadError(
                    _("{where}: a value cannot become {type}.", where=where, type=column.column.target.type_sql),
                    remedy=_("Run with --check to see the rows."),
                )
            if column.values.type != field.type:
                raise LoadError(
                    _(
                        "{where}: Arrow type {type} where COPY needs {wanted}.",
                        where=where,
                        type=column.values.type,
                        wanted=field.type,
                    ),
                    remedy=_("This should not happen; please report it."),
                )
        arrays = [column.values for column in batch.columns]
        if self.cast_table is not None:
            arrays.append(pa.array(range(self.rows_sent + 1, self.rows_sent + batch.rows + 1), pa.int64()))
        self.rows_sent += batch.rows
        return pa.RecordBatch.from_arrays(arrays, schema=self.arrow_schema)

    def _refused(self, error: adbc_driver_manager.Error) -> LoadError:
        """Return an error with PostgreSQL's first line and the row's key. The row itself may have private data."""
        # PostgreSQL stores a thousand rows at a time. If a limit is exceeded, the line is that of the last of them.
        line = None if (error.sqlstate or "").startswith("54") else _LINE.search(str(error))
        return _refused(self.table, error, detail=self._where(int(line[1])) if line else ())

    def _where(self, number: int) -> list[str]:
        """Return the key of the n-th row of the piece. Rows are sent in SQLite's order."""
        source = self.table.source
        names = [c.source.name for c in self.table.key]
        if not names or has_secret(source.name, names):
            names = [rowid_name(source) or source.columns[0].name]
        quoted = ", ".join(quote_name(name) for name in names)
        # As in the reader, an index could have the rows in another order.
        rows = f"{quote_name(source.name)} NOT INDEXED{span_condition(source, self.piece.span)}"
        query = f"SELECT {quoted} FROM {rows} LIMIT 1 OFFSET ?"  # noqa: S608 - all quoted
        with closing(open_for_reading(self.copy.snapshot)) as connection:
            row = connection.execute(query, [number - 1]).fetchone() or ()
        parts = [f"{name} = {masked(source.name, name, str(value))}" for name, value in zip(names, row, strict=False)]
        return [", ".join(parts)] if parts else []


def _refused(table: PlannedTable, error: adbc_driver_manager.Error, *, detail: Sequence[str] = ()) -> LoadError:
    if not error.sqlstate or error.sqlstate.startswith(SERVER_ERROR_CLASSES):
        return server_error(table.name, error)
    return RefusedRowError(
        _(
            "PostgreSQL refused a row of table {table}: {reason} ({sqlstate})",
            table=table.name,
            # The message may quote any column.
            reason=server_reason(_reason(error), error.sqlstate, table.name, [c.name for c in table.loaded_columns]),
            sqlstate=error.sqlstate,
        ),
        table=table.name,
        detail=detail,
        remedy=_("Correct it in SQLite, then run again."),
    )


def server_error(table: str, error: adbc_driver_manager.Error) -> LoadError:
    """Return the error for a failure of the server that no row causes."""
    return LoadError(
        _("PostgreSQL could not go on while table {table} was loaded: {reason}", table=table, reason=_reason(error)),
        remedy=_("It is not about the rows. Look at the server, its disk and its log, then run again."),
    )


def _reason(error: adbc_driver_manager.Error) -> str:
    """Return the first line of PostgreSQL's message."""
    message = _MESSAGE.search(str(error))
    return message[1].strip() if message else str(error).splitlines()[0]


def arrow_schema(table: PlannedTable, *, numbered: bool) -> pa.Schema:
    """Return the exact types that COPY needs for these columns. RecordBatch.from_arrays rejects others."""
    fields = [pa.field(c.name, codec_for(c.target).arrow(c.target)) for c in table.loaded_columns]
    return pa.schema([*fields, pa.field(NUMBER, pa.int64())] if numbered else fields)
