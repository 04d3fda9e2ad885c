"""Columns that SQLite's rows know nothing of in; each row gets a value in them, by a default for a while."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql


@contextmanager
def temporary_defaults(
    connection: psycopg.Connection[Any], schema: str, filled: Iterable[tuple[str, str, str]]
) -> Iterator[None]:
    """While this lasts, rows come with a value in these columns: (table, column, value as text)."""
    places = [(sql.Identifier(schema, table), sql.Identifier(column), value) for table, column, value in filled]
    for table, column, value in places:
        connection.execute(
            sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {}").format(table, column, sql.Literal(value))
        )
    yield
    # After a failure the schema is dropped: nothing is put back then, since the connection may be broken.
    for table, column, _ in places:
        connection.execute(sql.SQL("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT").format(table, column))
