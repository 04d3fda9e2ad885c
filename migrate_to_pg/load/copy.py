"""One piece of a table in, its rows in the incoming schema out: Arrow batches by binary COPY, in one transaction.

The binary form is not checked by PostgreSQL beyond its width, so what is sent is checked here against a closed table of
types.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as postgresql
import pyarrow as pa
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from migrate_to_pg.columns import codec_for
from migrate_to_pg.columns.reader import TableBatch, read
from migrate_to_pg.columns.selection import within
from migrate_to_pg.errors import LoadError
from migrate_to_pg.load.pieces import Piece
from migrate_to_pg.records import Plan, PlannedTable
from migrate_to_pg.sqlite import open_snapshot, quote_name, rowid_name

#: SQLSTATE query_canceled. The driver takes SIGINT for itself while it waits, and asks the server to stop.
_CANCELLED = "57014"
#: What the driver makes of the server's answer: its words, the COPY's line number among them.
_SAID = re.compile(r"ERROR:\s+(.+)")
_LINE = re.compile(r"CONTEXT:\s+COPY .+, line (\d+)")


@contextmanager
def connect(conninfo: str) -> Iterator[Any]:
    """Commits need not wait for the disk here: nothing of this is visible before publish, which does wait."""
    given = str(conninfo_to_dict(conninfo).get("options") or "")  # such as the role that is to be assumed
    options = f"{given} -c TimeZone=UTC -c synchronous_commit=off -c statement_timeout=0".strip()
    try:
        connection = postgresql.connect(make_conninfo(conninfo, options=options, application_name="migrate_to_pg"))
    except adbc_driver_manager.Error as error:
        raise LoadError(
            "The connection for the bulk data could not be opened, although an ordinary one could.",
            detail=str(error).splitlines(),
            remedy="Check that the server has connections to spare (max_connections), then run again.",
        ) from error
    with connection:
        yield connection


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

    def send(self, piece: Piece, connection: Any, sent: Callable[[int], None]) -> None:
        """All rows of a piece, committed; ``sent`` is told the rows of each batch."""
        _Sending(self, piece, sent).run(connection)

    def stop(self) -> None:
        """End what is being sent, in a driver that waits for the server too."""
        self.stopped.set()
        with self._lock:
            for cursor in self._sending:
                with suppress(adbc_driver_manager.Error):
                    cursor.adbc_cancel()

    def require_going(self) -> None:
        """Raise StoppedError once the word was given."""
        if self.stopped.is_set():
            raise StoppedError

    @contextmanager
    def stoppable(self, cursor: Any) -> Iterator[None]:
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
        self.arrow_schema = _arrow_schema(piece.table)
        self.batches = read(piece.table, copy.snapshot, time_zone=copy.time_zone, rowids=False, span=piece.span)
        self.interruption: BaseException | None = None

    def run(self, connection: Any) -> None:
        with closing(self.batches):
            self._copy(connection)

    def _copy(self, connection: Any) -> None:
        reader = pa.RecordBatchReader.from_batches(self.arrow_schema, self._record_batches())
        try:
            with connection.cursor() as cursor, self.copy.stoppable(cursor):
                cursor.adbc_ingest(self.table.name, reader, mode="append", db_schema_name=self.copy.schema)
            connection.commit()
        except BaseException as error:
            # Closing the connection, which comes next, takes back what was sent; there may be none to roll back on.
            cause = self._cause(error)
            if cause is error:
                raise
            raise cause from error

    def _cause(self, error: BaseException) -> BaseException:
        """What really happened: the driver tells a failure of ours by its text, and Ctrl-C as a cancelled statement."""
        if self.interruption is not None:
            return self.interruption
        if not isinstance(error, adbc_driver_manager.Error):
            return error
        if self.copy.stopped.is_set():
            return StoppedError()
        return KeyboardInterrupt() if error.sqlstate == _CANCELLED else self._refused(error)

    def _record_batches(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self.batches:
                self.copy.require_going()
                self.copy.require_sound(batch)
                yield self._record_batch(batch)
                self.sent(batch.rows)
        except BaseException as error:
            self.interruption = error
            raise

    def _record_batch(self, batch: TableBatch) -> pa.RecordBatch:
        """The batch under exactly the agreed types: from_arrays would cast, and COPY checks the width alone."""
        for column, field in zip(batch.columns, self.arrow_schema, strict=True):
            where = f"Table {self.table.name}, column {column.column.name}"
            if column.wrong_storage is not None or column.malformed is not None:
                raise LoadError(
                    f"{where}: a value cannot become {column.column.target.type_sql}.",
                    remedy="Run with --check to see the rows.",
                )
            if column.values.type != field.type:
                raise LoadError(
                    f"{where}: Arrow type {column.values.type} where COPY needs {field.type}.",
                    remedy="This should not happen; please report it.",
                )
        return pa.RecordBatch.from_arrays([c.values for c in batch.columns], schema=self.arrow_schema)

    def _refused(self, error: adbc_driver_manager.Error) -> LoadError:
        """PostgreSQL's own first line, and which row it means; not the row itself, which may hold what is private."""
        text = str(error)
        said = _SAID.search(text)
        reason = said[1].strip() if said else text.splitlines()[0]
        return LoadError(
            f"PostgreSQL refused a row of table {self.table.name}: {reason} ({error.sqlstate or 'no SQLSTATE'})",
            detail=self._where(_LINE.search(text)),
            remedy="Mend it in SQLite, then run again.",
        )

    def _where(self, line: re.Match[str] | None) -> list[str]:
        """The key of the n-th row of the piece: rows go over in SQLite's own order."""
        if line is None:
            return []
        source, number = self.table.source, int(line[1])
        names = [c.source.name for c in self.table.key] or [rowid_name(source) or source.columns[0].name]
        quoted = ", ".join(quote_name(name) for name in names)
        # As in the reader, an index could hold the rows in another order.
        rows = f"{quote_name(source.name)} NOT INDEXED{within(source, self.piece.span)}"
        query = f"SELECT {quoted} FROM {rows} LIMIT 1 OFFSET ?"  # noqa: S608 - all quoted
        with closing(open_snapshot(self.copy.snapshot)) as connection:
            row = connection.execute(query, [number - 1]).fetchone() or ("?",) * len(names)
        return [", ".join(f"{name} = {value}" for name, value in zip(names, row, strict=True))]


def require_codecs(plan: Plan) -> None:
    """Raise LoadError for the first column that cannot be sent, before anything is."""
    for table in plan.tables:
        _arrow_schema(table)


def _arrow_schema(table: PlannedTable) -> pa.Schema:
    """The exact types that COPY may be given for these columns; RecordBatch.from_arrays refuses any other."""
    fields = []
    for column in table.loaded_columns:
        codec = codec_for(column.target)
        if codec is None:
            raise LoadError(
                f"Table {table.name}, column {column.name}: type {column.target.type_sql} cannot be loaded yet."
            )
        fields.append(pa.field(column.name, codec.arrow(column.target)))
    return pa.schema(fields)
