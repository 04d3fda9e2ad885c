"""Load text for types without a binary format into a cast table, from which PostgreSQL casts it to the staged table.

The cast table is created, filled, read and dropped in one transaction, so it is never visible. If a cast fails, it is
created once more to find the row. ALTER TYPE on the staged table instead would fail because of its generated columns,
constraints and views.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import adbc_driver_manager
from psycopg import sql

from migrate_to_pg.codecs import codec_for
from migrate_to_pg.records import PlannedColumn, PlannedTable

#: Column with the numbers of the rows, from 1, in the order in which they are sent.
NUMBER = "migrate_to_pg_row"


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedText:
    """A text that PostgreSQL cannot cast to the column's type."""

    column: PlannedColumn
    #: Number of the row, from 1.
    number: int
    text: str


def needs_cast(column: PlannedColumn) -> bool:
    """Return whether the column is sent as text."""
    return codec_for(column.target).by_text


class CastTable:
    """Table with the rows of one piece before the cast."""

    def __init__(self, table: PlannedTable, schema: str, piece: int) -> None:
        self.table = table
        self.name = f"migrate_to_pg_side_{piece}"
        self.here = sql.Identifier(schema, self.name)
        self.number = sql.Identifier(NUMBER)
        self._staged = sql.Identifier(schema, table.name)

    def create(self, cursor: Any, *, bare: bool = False) -> None:
        """Create the table with the staged table's columns, but text for those that are sent as text.

        It has no constraints, and with ``bare`` no modifiers and domains, so that it accepts every value of a type.
        """
        typed = "CAST(NULL AS {1}) AS {0}" if bare else "{}"
        columns = [
            sql.SQL("CAST(NULL AS text) AS {}" if needs_cast(c) else typed).format(
                sql.Identifier(c.name), sql.SQL(c.target.cast_to)
            )
            for c in self.table.loaded_columns
        ]
        number = sql.SQL("CAST(NULL AS bigint) AS {}").format(self.number)
        query = sql.SQL("CREATE TABLE {} AS SELECT {} FROM {} WITH NO DATA")
        run(cursor, query.format(self.here, sql.SQL(", ").join([*columns, number]), self._staged))

    def move_to_target(self, cursor: Any) -> None:
        """Cast all rows into the staged table, and drop this one. Raises the driver's error if a row is refused."""
        run(cursor, self.insert(self._staged, self.table.loaded_columns) + sql.SQL(" ORDER BY ") + self.number)
        self.drop(cursor)

    def insert(self, into: sql.Composable, columns: Sequence[PlannedColumn]) -> sql.Composed:
        """Return the statement that casts these columns of all rows into a table. A WHERE clause may follow."""
        names = sql.SQL(", ").join(sql.Identifier(c.name) for c in columns)
        # Without it an IDENTITY column GENERATED ALWAYS rejects values. COPY needs nothing like it.
        return sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}").format(
            into, names, sql.SQL(", ").join(map(_cast, columns)), self.here
        )

    def drop(self, cursor: Any) -> None:
        """Drop the table."""
        run(cursor, sql.SQL("DROP TABLE {}").format(self.here))

    def find_rejected(self, connection: Any) -> RejectedText | None:
        """Return the first text in the filled table that its column's cast rejects, or None.

        The table must be committed, because each failed cast ends a transaction.
        """
        last = self._inspect(connection, sql.SQL("SELECT max({}) FROM {}").format(self.number, self.here)) or 0
        for column in filter(needs_cast, self.table.loaded_columns):
            number = _first(partial(self._refuses, connection, column), last)
            if number is not None:
                query = sql.SQL("SELECT {} FROM {} WHERE {} = {}").format(
                    sql.Identifier(column.name), self.here, self.number, number
                )
                return RejectedText(column=column, number=number, text=str(self._inspect(connection, query)))
        return None

    def _refuses(self, connection: Any, column: PlannedColumn, low: int, high: int) -> bool:
        query = sql.SQL("SELECT count({}) FROM {} WHERE {} BETWEEN {} AND {}").format(
            _cast(column), self.here, self.number, low, high
        )
        try:
            self._inspect(connection, query)
        except adbc_driver_manager.Error:
            connection.rollback()
            return True
        return False

    def _inspect(self, connection: Any, query: sql.Composed) -> Any:
        with connection.cursor() as cursor:
            run(cursor, query)
            row = cursor.fetchone()
            return row[0] if row else None


def _first(refuses: Callable[[int, int], bool], last: int) -> int | None:
    """Find the first refused row by bisection."""
    if not last or not refuses(1, last):
        return None
    low, high = 1, last
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if refuses(low, middle) else (middle + 1, high)
    return low


def _cast(column: PlannedColumn) -> sql.Composable:
    name = sql.Identifier(column.name)
    if not needs_cast(column):
        return name
    # No modifiers: an explicit cast to bit(3) truncates silently, whereas the assignment after it raises an error.
    return sql.SQL("CAST({} AS {})").format(name, sql.SQL(column.target.cast_to))


def run(cursor: Any, query: sql.Composed) -> None:
    """Execute one statement of psycopg's on a cursor of Arrow's driver."""
    cursor.execute(query.as_string(None))
