"""Plan and snapshot in, the rows of every planned table in the incoming schema out.

SQLite -> Arrow batches (columns.reader) -> PostgreSQL's binary COPY, one transaction a table. The binary form is not
checked by PostgreSQL beyond its width, so what is sent is checked here against a closed table of types.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as postgresql
import pyarrow as pa
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from migrate_to_pg.columns import codec_for
from migrate_to_pg.columns.reader import TableBatch, read
from migrate_to_pg.errors import LoadError
from migrate_to_pg.records import Event, LoadedTable, Plan, PlannedTable
from migrate_to_pg.sqlite import open_snapshot, quote_name, rowid_name

Progress = Callable[[Event], None]

#: SQLSTATE query_canceled. The driver takes SIGINT for itself while it waits, and asks the server to stop.
_CANCELLED = "57014"
#: What the driver makes of the server's answer: its words, the COPY's line number among them.
_SAID = re.compile(r"ERROR:\s+(.+)")
_LINE = re.compile(r"CONTEXT:\s+COPY .+, line (\d+)")


def load(plan: Plan, snapshot: Path, conninfo: str, *, schema: str, progress: Progress) -> tuple[LoadedTable, ...]:
    """Send every row of the snapshot; raises LoadError, naming the row, where one is refused.

    The tables must be empty and bare: indexes, foreign keys and triggers set aside.
    """
    total = sum(table.source.rows for table in plan.tables)
    done = 0
    loaded = []
    with _connect(conninfo) as connection:
        for table in plan.tables:
            loaded.append(_Loader(table, plan, snapshot, schema, progress, done, total).run(connection))
            done += table.source.rows
    return tuple(loaded)


@contextmanager
def _connect(conninfo: str) -> Iterator[Any]:
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


class _Loader:
    """One table on its way."""

    def __init__(
        self, table: PlannedTable, plan: Plan, snapshot: Path, schema: str, progress: Progress, done: int, total: int
    ) -> None:
        self.table = table
        self.arrow_schema = _arrow_schema(table)
        self.batches = read(table, snapshot, time_zone=plan.source_time_zone, rowids=False)
        self.schema = schema
        self.snapshot = snapshot
        self.progress = progress
        self.done = done
        self.total = total
        self.rows = 0
        self.interruption: BaseException | None = None

    def run(self, connection: Any) -> LoadedTable:
        start = time.perf_counter()
        if self.table.source.rows and self.table.loaded_columns:
            with closing(self.batches):
                self._copy(connection)
        return LoadedTable(name=self.table.name, rows=self.rows, seconds=time.perf_counter() - start)

    def _copy(self, connection: Any) -> None:
        reader = pa.RecordBatchReader.from_batches(self.arrow_schema, self._record_batches())
        try:
            with connection.cursor() as cursor:
                cursor.adbc_ingest(self.table.name, reader, mode="append", db_schema_name=self.schema)
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
        return KeyboardInterrupt() if error.sqlstate == _CANCELLED else self._refused(error)

    def _record_batches(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self.batches:
                yield self._record_batch(batch)
                self.rows += batch.rows
                self._report()
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

    def _report(self) -> None:
        done = self.done + self.rows
        self.progress(Event(kind="progress", stage="load", message=self.table.name, done=done, total=self.total))

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
        """The key of the n-th row that was sent: rows go over in SQLite's own order."""
        if line is None:
            return []
        source, number = self.table.source, int(line[1])
        names = [c.source.name for c in self.table.key] or [rowid_name(source) or source.columns[0].name]
        quoted = ", ".join(quote_name(name) for name in names)
        # As in the reader, an index could hold the rows in another order.
        query = f"SELECT {quoted} FROM {quote_name(source.name)} NOT INDEXED LIMIT 1 OFFSET ?"  # noqa: S608 - all quoted
        with closing(open_snapshot(self.snapshot)) as connection:
            row = connection.execute(query, [number - 1]).fetchone() or ("?",) * len(names)
        return [", ".join(f"{name} = {value}" for name, value in zip(names, row, strict=True))]


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
