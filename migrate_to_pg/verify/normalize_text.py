"""Let PostgreSQL normalise the source's texts of types that only PostgreSQL can read.

'{1, 2}' and '{1,2}' are one array, which only the server knows. The verification asks it over a connection of its own,
a batch at a time. A text that the server does not read stays as it is, and then equals nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql

from migrate_to_pg.errors import TargetError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.session import configure_session
from migrate_to_pg.postgres.statement_log import open_connection
from migrate_to_pg.records import TargetColumn
from migrate_to_pg.verify.rows import Column, Rows

_NORMALIZE = (
    "SELECT CAST({} AS text) FROM (SELECT CAST(t.x AS {}) AS v, t.n FROM unnest(%s::text[])"
    " WITH ORDINALITY AS t (x, n)) AS s ORDER BY s.n"
)
#: 1.5 is 1.50 in numeric(5,2)[], but 1.005, which would be rounded, stays what it is.
_LIMITED = "CASE WHEN CAST(s.v AS {0}) = s.v THEN CAST(s.v AS {0}) ELSE s.v END"
#: These cut a text without a word: one stays whole here. The text of an array is the same whatever its elements are.
_READ_BY_ARRAY = {"_name": "text[]", "_char": "text[]"}


class TextNormalizer:
    """Ask the server for its form of texts. A context manager, which connects when it is first asked."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._stack = contextlib.ExitStack()
        self._connection: psycopg.Connection[Any] | None = None

    def __enter__(self) -> TextNormalizer:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def rows(self, batches: Generator[Rows], columns: Sequence[Column]) -> Generator[Rows]:
        """Yield the batches, with normalised texts in the columns that need it."""
        asking = [column for column in columns if column.comparison.needs_server]
        if not asking:
            yield from batches
            return
        with contextlib.closing(batches):
            for rows in batches:
                arrays = list(rows.arrays)
                for column in asking:
                    distinct = arrays[column.index].dictionary_encode()
                    texts: list[str | None] = distinct.dictionary.to_pylist()
                    normalized = self._ask(texts, *_read_as(column.planned.target))
                    arrays[column.index] = pa.array(normalized, pa.string()).take(distinct.indices)
                yield replace(rows, arrays=tuple(arrays))

    def _ask(self, texts: list[str | None], type_sql: sql.SQL, written: sql.Composable) -> list[str | None]:
        """Return the server's form of each text. If it refuses one of many, ask for both halves."""
        if not texts:
            return []
        try:
            query = sql.SQL(_NORMALIZE).format(written, type_sql)
            return [row[0] for row in self._open().execute(query, [texts]).fetchall()]
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise TargetError(
                _(
                    "PostgreSQL could not be asked how it writes a value of {type_sql}: {error}",
                    type_sql=type_sql.as_string(None),
                    error=error,
                ),
                remedy=_("See the server's log, then run again."),
            ) from error
        # A domain in an array refuses by its constraint, an extension's type as it likes.
        except psycopg.Error:
            if len(texts) == 1:
                return texts
            half = len(texts) // 2
            return self._ask(texts[:half], type_sql, written) + self._ask(texts[half:], type_sql, written)

    def _open(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            connection = open_connection(self._conninfo)
            self._connection = self._stack.enter_context(contextlib.closing(connection))
            configure_session(connection.cursor())
        return self._connection


def _read_as(target: TargetColumn) -> tuple[sql.SQL, sql.Composable]:
    """Return the type that reads the text, and the expression over s.v, the value read, that writes it."""
    # The driver reads a percent sign as the beginning of a parameter.
    type_sql = sql.SQL(_READ_BY_ARRAY.get(target.type_name, target.cast_to).replace("%", "%%"))
    if not target.modifiers:
        return type_sql, sql.SQL("s.v")
    return type_sql, sql.SQL(_LIMITED).format(type_sql + sql.SQL(target.modifiers))
