"""What was published, remembered in schema ``migrate_to_pg`` of the target, for --undo and --purge."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

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
    snapshot text NOT NULL
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One publication, as it is remembered."""

    id: int
    published_at: datetime
    final_schema: str
    #: Where the replaced objects are kept; '' where nothing was replaced.
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
) -> int:
    """Write the entry, within the caller's transaction: it is there exactly if the publication is; returns its id."""
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(BOOKKEEPING)))
    connection.execute(sql.SQL(_CREATE).format(_TABLE))
    row = connection.execute(
        sql.SQL(
            "INSERT INTO {} (final_schema, archive, transaction_id, objects, rows, snapshot)"
            " VALUES (%s, %s, pg_current_xact_id()::xid, %s, %s, %s) RETURNING id"
        ).format(_TABLE),
        [final, archive, Jsonb([asdict(o) for o in objects], dumps=json.dumps), Jsonb(rows), snapshot],
    ).fetchone()
    return int(row[0]) if row else 0


def last(connection: Connection) -> Entry | None:
    """The latest publication that was not undone."""
    if not _exists(connection):
        return None
    query = sql.SQL(
        "SELECT id, published_at, final_schema, archive, transaction_id::text, objects, rows, snapshot"
        " FROM {} WHERE undone_at IS NULL ORDER BY id DESC LIMIT 1"
    ).format(_TABLE)
    with connection.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(query).fetchone()


def undone(connection: Connection) -> int:
    """How many publications were undone."""
    if not _exists(connection):
        return 0
    query = sql.SQL("SELECT count(*) FROM {} WHERE undone_at IS NOT NULL").format(_TABLE)
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def snapshots(connection: Connection) -> tuple[str, ...]:
    """Where the snapshots of all publications were kept, whether they are still there or not."""
    if not _exists(connection):
        return ()
    query = sql.SQL("SELECT snapshot FROM {} ORDER BY id").format(_TABLE)
    return tuple(row[0] for row in connection.execute(query).fetchall())


def mark_undone(connection: Connection, entry: Entry) -> None:
    """Within the caller's transaction."""
    connection.execute(sql.SQL("UPDATE {} SET undone_at = now() WHERE id = %s").format(_TABLE), [entry.id])


def _exists(connection: Connection) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{BOOKKEEPING}.publication"]).fetchone()
    return bool(row and row[0])
