"""Set a temporary DEFAULT on columns that SQLite lacks."""

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
    """Give loaded rows a value in these columns. ``filled`` has table, column, and the value as text."""
    places = [(sql.Identifier(schema, table), sql.Identifier(column), value) for table, column, value in filled]
    for table, column, value in places:
        connection.execute(
            sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {}").format(table, column, sql.Literal(value))
        )
    yield
    # Not in a finally: after a failure the schema is dropped, and the connection may be broken.
    for table, column, _ in places:
        connection.execute(sql.SQL("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT").format(table, column))
