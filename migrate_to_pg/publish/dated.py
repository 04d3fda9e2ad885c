"""A prefix in, the name of a schema that is not there yet out: what is replaced or undone is kept under a date."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg

#: Prefixes of the schemas that publish and undo make.
DATED_SCHEMAS = ("migrate_to_pg_replaced", "migrate_to_pg_undone")


def unused_schema(connection: psycopg.Connection[Any], prefix: str) -> str:
    """The prefix with the present moment behind it, UTC; numbered where two fall into one second."""
    name = f"{prefix}_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    there = set(dated_schemas(connection))
    return next(n for n in (name, *(f"{name}_{i}" for i in range(2, 1000))) if n not in there)


def dated_schemas(connection: psycopg.Connection[Any]) -> tuple[str, ...]:
    """The schemas that former publications and undone ones left."""
    query = "SELECT nspname FROM pg_namespace WHERE nspname LIKE ANY (%s) ORDER BY 1"
    patterns = [prefix.replace("_", r"\_") + r"\_%" for prefix in DATED_SCHEMAS]
    return tuple(row[0] for row in connection.execute(query, [patterns]).fetchall())
