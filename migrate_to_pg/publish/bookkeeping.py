"""What was published, remembered in schema ``migrate_to_pg`` of the target, for --undo and --purge."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from migrate_to_pg.publish.objects import SchemaObject
from migrate_to_pg.records import BOOKKEEPING

Connection = psycopg.Connection[Any]

_TABLE = sql.Identifier(BOOKKEEPING, "publication")

_CREATE = """
CREATE TABLE IF NOT EXISTS {} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    published_at timestamptz NOT NULL DEFAULT now(),
    undone_at timestamptz,
    final_schema text NOT NULL,
    archive text NOT NULL,
    -- the publishing transaction: rows with a later xmin were written since
    transaction_id xid NOT NULL,
    objects jsonb NOT NULL,
    rows jsonb NOT NULL,
    snapshot text NOT NULL,
    -- the names given to --exclude-data
    left_out jsonb NOT NULL DEFAULT '[]'
)
"""
_ADD = "ALTER TABLE {} ADD COLUMN left_out jsonb NOT NULL DEFAULT '[]'"
#: Not by name: that is an error for a role that may not look into the schema.
_HAS_LEFT_OUT = """
SELECT has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = 'publication' AND a.attname = 'left_out' AND NOT a.attisdropped
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One publication, as it is remembered."""

    id: int
    published_at: datetime
    final_schema: str
    #: Where the replaced objects are kept, '' where nothing was replaced; once undone, where the published ones are.
    archive: str
    transaction_id: str
    #: SchemaObject as dictionaries.
    objects: list[dict[str, Any]]
    #: table -> number of rows when it was published.
    rows: dict[str, int]
    snapshot: str

    @property
    def published(self) -> list[SchemaObject]:
        """The objects that were moved into the final schema."""
        return [SchemaObject(**values) for values in self.objects]


def remember(
    connection: Connection,
    *,
    final: str,
    archive: str,
    objects: Iterable[SchemaObject],
    rows: dict[str, int],
    snapshot: str,
    left_out: Sequence[str],
) -> int:
    """Write the entry, within the caller's transaction: it is there exactly if the publication is; returns its id."""
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(BOOKKEEPING)))
    connection.execute(sql.SQL(_CREATE).format(_TABLE))
    if _left_out_is_readable(connection) is None:
        # Made by an earlier version.
        connection.execute(sql.SQL(_ADD).format(_TABLE))
    row = connection.execute(
        sql.SQL(
            "INSERT INTO {} (final_schema, archive, transaction_id, objects, rows, snapshot, left_out)"
            " VALUES (%s, %s, pg_current_xact_id()::xid, %s, %s, %s, %s) RETURNING id"
        ).format(_TABLE),
        [
            final,
            archive,
            Jsonb([asdict(o) for o in objects], dumps=json.dumps),
            Jsonb(rows),
            snapshot,
            Jsonb(list(left_out)),
        ],
    ).fetchone()
    return int(row[0]) if row else 0


def last(connection: Connection, final: str) -> Entry | None:
    """The latest publication to that schema that was not undone."""
    if not _exists(connection):
        return None
    query = sql.SQL(
        "SELECT id, published_at, final_schema, archive, transaction_id::text, objects, rows, snapshot"
        " FROM {} WHERE undone_at IS NULL AND final_schema = %s ORDER BY id DESC LIMIT 1"
    ).format(_TABLE)
    with connection.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(query, [final]).fetchone()


def left_out(connection: Connection, final: str) -> tuple[str, ...] | None:
    """The names that the latest publication to that schema left out; None where this role may not look."""
    if not (readable := _left_out_is_readable(connection)):
        return () if readable is None else None
    query = "SELECT left_out FROM {} WHERE undone_at IS NULL AND final_schema = %s ORDER BY id DESC LIMIT 1"
    return tuple(name for (names,) in _rows(connection, query, final) for name in names)


def _left_out_is_readable(connection: Connection) -> bool | None:
    """Whether this role may read it; None where it is not there."""
    row = connection.execute(_HAS_LEFT_OUT, [BOOKKEEPING]).fetchone()
    return bool(row[0]) if row else None


def undone(connection: Connection, final: str) -> int:
    """How many publications to that schema were undone."""
    query = "SELECT count(*) FROM {} WHERE undone_at IS NOT NULL AND final_schema = %s"
    return sum(row[0] for row in _rows(connection, query, final))


def other_schemas(connection: Connection, final: str) -> tuple[str, ...]:
    """The schemas, but that one, to which something was published that was not undone."""
    query = "SELECT DISTINCT final_schema FROM {} WHERE undone_at IS NULL AND final_schema <> %s ORDER BY 1"
    return tuple(row[0] for row in _rows(connection, query, final))


def kept_for_others(connection: Connection, final: str) -> tuple[str, ...]:
    """The dated schemas that keep what was replaced or undone in any schema but that one."""
    query = "SELECT archive FROM {} WHERE archive <> '' AND final_schema <> %s ORDER BY id"
    return tuple(row[0] for row in _rows(connection, query, final))


def snapshots(connection: Connection, final: str) -> tuple[str, ...]:
    """Where the snapshots of all publications to that schema were kept, whether they are still there or not."""
    query = "SELECT snapshot FROM {} WHERE final_schema = %s ORDER BY id"
    return tuple(row[0] for row in _rows(connection, query, final))


def mark_undone(connection: Connection, entry: Entry, kept_in: str) -> None:
    """Within the caller's transaction; ``kept_in`` has the objects now, and the replaced ones are back."""
    query = sql.SQL("UPDATE {} SET undone_at = now(), archive = %s WHERE id = %s").format(_TABLE)
    connection.execute(query, [kept_in, entry.id])


def _rows(connection: Connection, query: LiteralString, final: str) -> list[tuple[Any, ...]]:
    if not _exists(connection):
        return []
    return connection.execute(sql.SQL(query).format(_TABLE), [final]).fetchall()


def _exists(connection: Connection) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{BOOKKEEPING}.publication"]).fetchone()
    return bool(row and row[0])
