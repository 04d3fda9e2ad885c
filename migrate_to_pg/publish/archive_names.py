"""The schemas that keep what was replaced or undone: their names, which hold a date, and the marks on them.

A mark is the schema's comment. It says whose the schema is, and, before the first table of it is dropped, that a purge
has begun: whatever becomes of that process, what is left is not taken for the whole.
"""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.system.clock import now

Connection = psycopg.Connection[Any]

#: Prefixes of the schemas that publish and undo make.
DATED_SCHEMAS = ("migrate_to_pg_replaced", "migrate_to_pg_undone")
_NAME = re.compile(rf"(?:{'|'.join(DATED_SCHEMAS)})(?:_leftovers)?_\d{{8}}_\d{{6}}(?:_\d+)?")
_BEGUN = "migrate_to_pg: a purge has begun to remove this schema"


def is_dated(name: str) -> bool:
    """Whether a schema of that name may be one that publish or undo made."""
    return _NAME.fullmatch(name) is not None


def unused_schema(connection: Connection, prefix: str) -> str:
    """The prefix with the present moment behind it; numbered where two fall into one second."""
    name = f"{prefix}_{now():%Y%m%d_%H%M%S}"
    there = set(dated_schemas(connection))
    return next(n for n in (name, *(f"{name}_{i}" for i in range(2, 1000))) if n not in there)


def dated_schemas(connection: Connection) -> dict[str, int]:
    """name -> oid of the schemas that former publications and undone ones left."""
    query = "SELECT nspname, oid::bigint FROM pg_namespace ORDER BY nspname"
    return {name: oid for name, oid in connection.execute(query).fetchall() if is_dated(name)}


def mark_of(publication: int) -> str:
    """The comment of a schema that was made for that publication."""
    return f"migrate_to_pg: publication {publication}"


def mark(connection: Connection, schema: str, publication: int) -> None:
    """Write on the schema which publication it was made for."""
    _comment(connection, schema, mark_of(publication))


def mark_for_purge(connection: Connection, schema: str) -> None:
    """Write on the schema that it is about to be dropped, table by table."""
    _comment(connection, schema, _BEGUN)


def is_marked(connection: Connection, schema: str, publication: int) -> bool:
    """Whether that schema was made for that publication, as far as its mark tells."""
    return _mark(connection, schema) in (mark_of(publication), _BEGUN)


def is_being_purged(connection: Connection, schema: str) -> bool:
    """Whether a purge was interrupted while it dropped that schema."""
    return _mark(connection, schema) == _BEGUN


def _comment(connection: Connection, schema: str, text: str) -> None:
    connection.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(schema), sql.Literal(text)))


def _mark(connection: Connection, schema: str) -> str:
    query = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s"
    row = connection.execute(query, [schema]).fetchone()
    return (row[0] or "") if row else ""
