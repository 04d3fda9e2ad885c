"""The columns that travel as text in; the table beside the staged one that takes them, and the way from there out.

The table is made, filled, read and dropped in one transaction: nobody ever sees it. Only where a cast failed it is made
once more, to look for the row. An ALTER TYPE of the staged table would fail under its generated columns, constraints
and views.
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

#: Numbers the rows, from 1, in the order in which they are sent.
NUMBER = "migrate_to_pg_row"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A text that PostgreSQL does not read as a value of the column's type."""

    column: PlannedColumn
    #: Of the row, from 1.
    number: int
    text: str


def needs_cast(column: PlannedColumn) -> bool:
    """Whether the column travels as text."""
    return codec_for(column.target).by_text


class CastTable:
    """Where the rows of one piece wait for the cast."""

    def __init__(self, table: PlannedTable, schema: str, piece: int) -> None:
        self.table = table
        self.name = f"migrate_to_pg_side_{piece}"
        self.here = sql.Identifier(schema, self.name)
        self.number = sql.Identifier(NUMBER)
        self._staged = sql.Identifier(schema, table.name)

    def make(self, cursor: Any, *, bare: bool = False) -> None:
        """The staged table's columns without any constraint, those that travel as text being text.

        With ``bare`` without modifiers and domains as well, so that every value of the type is taken.
        """
        columns = [
            sql.SQL(_template(c, bare=bare)).format(sql.Identifier(c.name), sql.SQL(c.target.cast_to))
            for c in self.table.loaded_columns
        ]
        number = sql.SQL("CAST(NULL AS bigint) AS {}").format(self.number)
        query = sql.SQL("CREATE TABLE {} AS SELECT {} FROM {} WITH NO DATA")
        run(cursor, query.format(self.here, sql.SQL(", ").join([*columns, number]), self._staged))

    def move_to_target(self, cursor: Any) -> None:
        """Cast all rows into the staged table, and drop this one. Raises the driver's error where a row is refused."""
        run(cursor, self.insert(self._staged, self.table.loaded_columns) + sql.SQL(" ORDER BY ") + self.number)
        self.drop(cursor)

    def insert(self, into: sql.Composable, columns: Sequence[PlannedColumn]) -> sql.Composed:
        """The statement that casts these columns of all rows into a table; a condition may follow."""
        names = sql.SQL(", ").join(sql.Identifier(c.name) for c in columns)
        # An IDENTITY column GENERATED ALWAYS takes no other value, as COPY would give it.
        return sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}").format(
            into, names, sql.SQL(", ").join(map(_cast, columns)), self.here
        )

    def drop(self, cursor: Any) -> None:
        """Remove this table."""
        run(cursor, sql.SQL("DROP TABLE {}").format(self.here))

    def find_rejected(self, connection: Any) -> Refused | None:
        """The first value of the filled table that the cast of its column refuses; None where there is none.

        The table must have been committed: each try that fails ends a transaction.
        """
        last = self._inspect(connection, sql.SQL("SELECT max({}) FROM {}").format(self.number, self.here)) or 0
        for column in filter(needs_cast, self.table.loaded_columns):
            number = _first(partial(self._refuses, connection, column), last)
            if number is not None:
                return Refused(column=column, number=number, text=self._text(connection, column, number))
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

    def _text(self, connection: Any, column: PlannedColumn, number: int) -> str:
        query = sql.SQL("SELECT {} FROM {} WHERE {} = {}").format(
            sql.Identifier(column.name), self.here, self.number, number
        )
        return str(self._inspect(connection, query))

    def _inspect(self, connection: Any, query: sql.Composed) -> Any:
        with connection.cursor() as cursor:
            run(cursor, query)
            row = cursor.fetchone()
            return row[0] if row else None


def _first(refuses: Callable[[int, int], bool], last: int) -> int | None:
    """The first row in which there is a refusal, by halves."""
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
    # Without its modifiers: an explicit cast to bit(3) cuts without a word, what the assignment after it refuses.
    return sql.SQL("CAST({} AS {})").format(name, sql.SQL(column.target.cast_to))


def _template(column: PlannedColumn, *, bare: bool) -> str:
    if needs_cast(column):
        return "CAST(NULL AS text) AS {}"
    return "CAST(NULL AS {1}) AS {0}" if bare else "{}"


def run(cursor: Any, query: sql.Composed) -> None:
    """One statement; the driver knows nothing of psycopg."""
    cursor.execute(query.as_string(None))
