"""Read PostgreSQL's rows as SQLite is to hold them, in batches of a limited size, all from one exported snapshot."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import adbc_driver_postgresql.dbapi
import pyarrow as pa
from psycopg import sql

from migrate_to_pg.move_back.spelling import read_expression, spelling_of
from migrate_to_pg.postgres.table_reader import TableReader
from migrate_to_pg.project.own_forms import OwnForms
from migrate_to_pg.records import PlannedColumn, PlannedTable

#: Bytes of a batch, unless a single row is longer.
_BATCH_BYTES = 1_000_000

#: Columns as SQLite's driver binds them. Where a field of the project has a form of its own, that is a list.
Batch = list[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The state of the database that is read, and how to read it."""

    conninfo: str
    #: The exported snapshot.
    shared: str
    #: The zone in which SQLite's times without one are.
    zone: str
    #: The forms that fields of the project give to types of PostgreSQL's own.
    forms: OwnForms = field(default_factory=dict)


def stored_columns(table: PlannedTable) -> list[PlannedColumn]:
    """Return the columns that are written: all that SQLite does not compute."""
    return [column for column in table.columns if not column.source.generated]


class Reader(TableReader):
    """One connection that reads one table after another, as SQLite is to hold it."""

    def __init__(self, state: State, *, patient: bool = True) -> None:
        super().__init__(state.conninfo, state.shared, patient=patient)
        self._state = state

    def cancel(self) -> None:
        """End the query that another thread waits for."""
        # A connection that is closed or lost waits for nothing.
        with contextlib.suppress(adbc_driver_postgresql.dbapi.Error):
            self._connection.adbc_cancel()

    def batches(self, schema: str, table: PlannedTable, without: sql.Composed | None = None) -> Generator[Batch]:
        """Yield a table's rows."""
        columns = stored_columns(table)
        with self._reading(table.name) as cursor:
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)})
            query = sql.SQL("SELECT {} FROM {} AS t").format(
                sql.SQL(", ").join(read_expression(column.target, self._state.zone) for column in columns),
                sql.Identifier(schema, table.name),
            )
            if without:
                query += sql.SQL(" WHERE NOT ({})").format(without)
            # SQLite appends rows in the order of their integer key, and searches the place of any other.
            if len(table.key) == 1 and table.key[0].target.type_name in ("int2", "int4", "int8"):
                query += sql.SQL(" ORDER BY t.{}").format(sql.Identifier(table.key[0].name))
            cursor.execute(query.as_string(None))
            for batch in cursor.fetch_record_batch():
                yield [self._values(table, column, array) for column, array in zip(columns, batch.columns, strict=True)]

    def _values(self, table: PlannedTable, column: PlannedColumn, array: pa.Array) -> Any:
        values = spelling_of(column.target).values(array)
        form = self._state.forms.get((table.name, column.name))
        return values if form is None else [None if v is None else form(v) for v in values.to_pylist()]
