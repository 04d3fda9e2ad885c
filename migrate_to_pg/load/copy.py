"""One piece of a table in, its rows in the incoming schema out: Arrow batches by binary COPY, in one transaction.

The binary form is not checked by PostgreSQL beyond its width, so what is sent is checked here against a closed table of
types.
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
from migrate_to_pg.load.cast_table import NUMBER, CastTable, Refused, needs_cast
from migrate_to_pg.load.pieces import Piece
from migrate_to_pg.project.secret_columns import has_secret, masked, server_reason
from migrate_to_pg.records import Plan, PlannedTable
from migrate_to_pg.sqlite.connection import quote_name, rowid_name
from migrate_to_pg.sqlite.missing_functions import open_for_reading

logger = logging.getLogger(__name__)

#: What the driver makes of the server's answer: its words, the COPY's line number among them.
_SAID = re.compile(r"(?:ERROR|FATAL|PANIC):\s+(.+)")
#: Classes of SQLSTATE that are about the server: lost connections, transactions, full disks, shutdowns, locks, its own
#: faults.
OF_THE_SERVER = ("08", "25", "40", "53", "55", "57", "58", "XX")
#: Longest value shown.
_WIDTH = 80
_LINE = re.compile(r"CONTEXT:\s+COPY .+, line (\d+)")


class StoppedError(Exception):
    """Another connection failed, or the run was interrupted: what this one was sending is taken back."""


class Copy:
    """What the connections share: what is sent where, and the word to stop."""

    def __init__(self, plan: Plan, snapshot: Path, schema: str, require_sound: Callable[[TableBatch], None]) -> None:
        self.time_zone = plan.source_time_zone
        self.snapshot = snapshot
        self.schema = schema
        self.require_sound = require_sound
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        self._sending: set[Any] = set()
        #: itertools.count is one step of the interpreter's: no two threads get the same number.
        self._pieces = itertools.count(1)

    def side_table(self, table: PlannedTable) -> CastTable | None:
        """For the rows of a piece of it, where a column travels as text."""
        if not any(map(needs_cast, table.loaded_columns)):
            return None
        return CastTable(table, self.schema, next(self._pieces))

    def send(self, piece: Piece, connection: Any, sent: Callable[[int], None]) -> None:
        """All rows of a piece, committed; ``sent`` is told the rows of each batch."""
        _Sending(self, piece, sent).run(connection)

    def compute(self, table: PlannedTable, connection: Any) -> None:
        """Have the virtual columns of a table computed once; raises RefusedRowError where that fails for a row."""
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
        """End what is being sent, in a driver that waits for the server too."""
        self.stopped.set()
        with self._lock:
            for cursor in self._sending:
                with suppress(adbc_driver_manager.Error):
                    cursor.adbc_cancel()

    def raise_if_stopped(self) -> None:
        """Raise StoppedError once the word was given."""
        if self.stopped.is_set():
            raise StoppedError

    @contextmanager
    def cancellable(self, cursor: Any) -> Iterator[None]:
        """Around a statement that ``stop`` is to end."""
        with self._lock:
            self._sending.add(cursor)
        try:
            yield
        finally:
            with self._lock:
                self._sending.remove(cursor)


class _Sending:
    """One piece on its way."""

    def __init__(self, copy: Copy, piece: Piece, sent: Callable[[int], None]) -> None:
        self.copy = copy
        self.piece = piece
        self.table = piece.table
        self.sent = sent
        self.side = copy.side_table(piece.table)
        self.arrow_schema = arrow_schema(piece.table, numbered=self.side is not None)
        self.made = 0
        self.batches = read(piece.table, copy.snapshot, time_zone=copy.time_zone, rowids=False, span=piece.span)
        self.interruption: BaseException | None = None

    def run(self, connection: Any) -> None:
        start = time.perf_counter()
        with closing(self.batches):
            self._copy(connection)
        logger.debug(
            "%s %s: %d rows, %.3f s", self.table.name, self.piece.span or "", self.made, time.perf_counter() - start
        )

    def _copy(self, connection: Any) -> None:
        try:
            with connection.cursor() as cursor, self.copy.cancellable(cursor):
                if self.side is None:
                    self._ingest(cursor, self.table.name)
                else:
                    self._fill(cursor, self.side)
                    self.side.move_to_target(cursor)
            connection.commit()
        except BaseException as error:
            # Closing the connection, which comes next, takes back what was sent; there may be none to roll back on.
            cause = self._unread_or(self._cause(error), error, connection)
            if cause is error:
                raise
            raise cause from error

    def _ingest(self, cursor: Any, name: str) -> None:
        reader = pa.RecordBatchReader.from_batches(self.arrow_schema, self._record_batches())
        cursor.adbc_ingest(name, reader, mode="append", db_schema_name=self.copy.schema)

    def _fill(self, cursor: Any, side: CastTable) -> None:
        side.make(cursor)
        self._ingest(cursor, side.name)

    def refused_text(self, connection: Any) -> Refused | None:
        """Which text was refused by the cast, found by another try, of which nothing stays."""
        with closing(self.batches), connection.cursor() as cursor:
            if self.side is None:
                return None
            self._fill(cursor, self.side)
            connection.commit()
            try:
                return self.side.find_rejected(connection)
            finally:
                self.side.drop(cursor)
                connection.commit()

    def _unread_or(self, cause: BaseException, error: BaseException, connection: Any) -> BaseException:
        """The refusal of a text, told with its row, where that was the cause; else the cause as it is."""
        if self.side is None or not isinstance(cause, LoadError) or not isinstance(error, adbc_driver_manager.Error):
            return cause
        with suppress(adbc_driver_manager.Error):
            connection.rollback()
            again = _Sending(self.copy, self.piece, lambda _: None)
            if refused := again.refused_text(connection):
                return self._unread(refused, error)
        return cause

    def _unread(self, refused: Refused, error: adbc_driver_manager.Error) -> LoadError:
        """A text that is none of the type's: the row is told, and the text, which only its owner can mend."""
        column = refused.column
        shown = masked(self.table.name, column.name, repr(refused.text[:_WIDTH]))
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
        """What really happened: the driver tells a failure of ours by its text, and a stop as a cancelled statement."""
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
                self.copy.require_sound(batch)
                yield self._record_batch(batch)
                self.sent(batch.rows)
        except BaseException as error:
            self.interruption = error
            raise

    def _record_batch(self, batch: TableBatch) -> pa.RecordBatch:
        """The batch under exactly the agreed types: from_arrays would cast, and COPY checks the width alone."""
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
        if self.side is not None:
            arrays.append(pa.array(range(self.made + 1, self.made + batch.rows + 1), pa.int64()))
        self.made += batch.rows
        return pa.RecordBatch.from_arrays(arrays, schema=self.arrow_schema)

    def _refused(self, error: adbc_driver_manager.Error) -> LoadError:
        """PostgreSQL's own first line, and which row it means; not the row itself, which may hold what is private."""
        # A limit is met when rows are stored, a thousand at a time: the line is then that of the last of them.
        line = None if (error.sqlstate or "").startswith("54") else _LINE.search(str(error))
        return _refused(self.table, error, detail=self._where(int(line[1])) if line else ())

    def _where(self, number: int) -> list[str]:
        """The key of the n-th row of the piece: rows go over in SQLite's own order."""
        source = self.table.source
        names = [c.source.name for c in self.table.key]
        if not names or has_secret(source.name, names):
            names = [rowid_name(source) or source.columns[0].name]
        quoted = ", ".join(quote_name(name) for name in names)
        # As in the reader, an index could hold the rows in another order.
        rows = f"{quote_name(source.name)} NOT INDEXED{span_condition(source, self.piece.span)}"
        query = f"SELECT {quoted} FROM {rows} LIMIT 1 OFFSET ?"  # noqa: S608 - all quoted
        with closing(open_for_reading(self.copy.snapshot)) as connection:
            row = connection.execute(query, [number - 1]).fetchone() or ()
        parts = [f"{name} = {masked(source.name, name, str(value))}" for name, value in zip(names, row, strict=False)]
        return [", ".join(parts)] if parts else []


def _refused(table: PlannedTable, error: adbc_driver_manager.Error, *, detail: Sequence[str] = ()) -> LoadError:
    if not error.sqlstate or error.sqlstate.startswith(OF_THE_SERVER):
        return lost(table.name, error)
    return RefusedRowError(
        _(
            "PostgreSQL refused a row of table {table}: {reason} ({sqlstate})",
            table=table.name,
            # It may be about any column.
            reason=server_reason(_reason(error), error.sqlstate, table.name, [c.name for c in table.loaded_columns]),
            sqlstate=error.sqlstate,
        ),
        table=table.name,
        detail=detail,
        remedy=_("Correct it in SQLite, then run again."),
    )


def lost(table: str, error: adbc_driver_manager.Error) -> LoadError:
    """What PostgreSQL complains of that is not about the rows."""
    return LoadError(
        _("PostgreSQL could not go on while table {table} was loaded: {reason}", table=table, reason=_reason(error)),
        remedy=_("It is not about the rows. Look at the server, its disk and its log, then run again."),
    )


def _reason(error: adbc_driver_manager.Error) -> str:
    """PostgreSQL's own first line."""
    said = _SAID.search(str(error))
    return said[1].strip() if said else str(error).splitlines()[0]


def arrow_schema(table: PlannedTable, *, numbered: bool) -> pa.Schema:
    """The exact types that COPY may be given for these columns; RecordBatch.from_arrays refuses any other."""
    fields = [pa.field(c.name, codec_for(c.target).arrow(c.target)) for c in table.loaded_columns]
    return pa.schema([*fields, pa.field(NUMBER, pa.int64())] if numbered else fields)
