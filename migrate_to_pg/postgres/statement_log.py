"""Connect to PostgreSQL, and log each statement with its seconds."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

logger = logging.getLogger(__name__)

#: Characters of a statement that are logged.
_LONGEST = 500


class _Cursor(psycopg.Cursor[Any]):
    """Log what it executes. Parameters and literals are left out: they may be values."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> _Cursor:
        """Execute a statement, and log it with its seconds, its rows, or the SQLSTATE of its error."""
        start = time.perf_counter()
        try:
            super().execute(query, params, **options)
        except psycopg.Error as error:
            logger.debug("%.3f s, error %s: %s", time.perf_counter() - start, error.sqlstate, _Text(query))
            raise
        logger.debug("%.3f s, %d rows: %s", time.perf_counter() - start, self.rowcount, _Text(query))
        return self


def open_connection(conninfo: str) -> psycopg.Connection[Any]:
    """Connect as every part of a run does: pg_stat_activity shows who asks, and no answer is waited for forever."""
    return psycopg.connect(
        conninfo, autocommit=True, application_name="migrate_to_pg", connect_timeout=10, cursor_factory=_Cursor
    )


class _Text:
    """A statement as it is logged. It is made only where somebody wants it."""

    def __init__(self, query: Any) -> None:
        self._query = query

    def __str__(self) -> str:
        return " ".join("".join(_parts(self._query)).split())[:_LONGEST]


def _parts(query: Any) -> Iterator[str]:
    if isinstance(query, sql.Composed):
        for part in query:
            yield from _parts(part)
    elif isinstance(query, sql.Literal):
        yield "***"
    elif isinstance(query, sql.Composable):
        yield query.as_string()
    else:
        yield query.decode(errors="replace") if isinstance(query, bytes) else str(query)
