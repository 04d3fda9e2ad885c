"""Publish the leftovers as schema ``sqlite_leftovers``, and undo that.

An existing schema of that name is renamed to an archive schema with everything in it. Nothing is dropped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from migrate_to_pg.errors import PublishError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.objects import SchemaObject, external_dependents, objects_in
from migrate_to_pg.postgres.target import rename_schema
from migrate_to_pg.publish.archive_schemas import check_archive, unused_schema
from migrate_to_pg.publish.check_history import LineReader, as_dated_or_none, as_number, as_objects
from migrate_to_pg.publish.history import entries
from migrate_to_pg.publish.owner import set_owner
from migrate_to_pg.publish.required_privileges import require_readable
from migrate_to_pg.records import BOOKKEEPING, LEFTOVERS, LEFTOVERS_INCOMING

Connection = psycopg.Connection[Any]

_TABLE = sql.Identifier(BOOKKEEPING, "leftovers")
_CREATE = """
CREATE TABLE IF NOT EXISTS {} (
    -- publication.id
    run bigint PRIMARY KEY,
    -- schema that keeps what was in sqlite_leftovers before; '' where nothing was
    archive text NOT NULL,
    -- where --undo put what this publication had made; '' before that
    undone text NOT NULL DEFAULT ''
)
"""
#: The objects that were there before, which --undo needs. The table of an earlier version lacks the column.
_ADD = "ALTER TABLE {} ADD COLUMN kept jsonb"
_HAS_KEPT = """
SELECT FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = 'leftovers' AND a.attname = 'kept' AND NOT a.attisdropped
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedLeftovers:
    """The leftovers that a publication made, as they are now."""

    archive: str
    #: Empty if the schema was dropped since.
    tables: tuple[SchemaObject, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the tables' names."""
        return tuple(table.names[0] for table in self.tables)


def check_leftovers_preconditions(connection: Connection) -> None:
    """Raise PublishError if the existing schema cannot be renamed, or has external dependents."""
    query = "SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = %s"
    row = connection.execute(query, [LEFTOVERS]).fetchone()
    if row == (False,):
        raise PublishError(
            _("Schema {schema} belongs to another role, and has to make room.", schema=LEFTOVERS),
            remedy=_("Connect as its owner, or rename it; --leftovers skip leaves it as it is."),
        )
    depending = external_dependents(connection, objects_in(connection, LEFTOVERS))
    if depending:
        raise PublishError(
            _(
                "Something in the database depends on objects of schema {schema}, which has to make room.",
                schema=LEFTOVERS,
            ),
            detail=depending,
            remedy=_("Drop these and make them again afterwards: they would go on using the replaced ones."),
        )


def publish_leftovers(connection: Connection, run: int, owner: str) -> PublishedLeftovers:
    """Rename the incoming schema in the caller's transaction, and record that for publication ``run``.

    The tables then belong to ``owner``, or to this role if it is ''.
    """
    check_leftovers_preconditions(connection)
    archive = ""
    kept = objects_in(connection, LEFTOVERS)
    if _has_leftovers(connection):
        archive = unused_schema(connection, "migrate_to_pg_replaced_leftovers")
        rename_schema(connection, LEFTOVERS, archive)
    rename_schema(connection, LEFTOVERS_INCOMING, LEFTOVERS)
    connection.execute(sql.SQL(_CREATE).format(_TABLE))
    if connection.execute(_HAS_KEPT, [BOOKKEEPING]).fetchone() is None:
        connection.execute(sql.SQL(_ADD).format(_TABLE))
    statement = sql.SQL("INSERT INTO {} (run, archive, kept) VALUES (%s, %s, %s)").format(_TABLE)
    connection.execute(statement, [run, archive, Jsonb([asdict(o) for o in kept], dumps=json.dumps)])
    published = PublishedLeftovers(archive=archive, tables=_tables(connection))
    if owner:
        # A table's owner must be one who may create in its schema.
        schema, role = sql.Identifier(LEFTOVERS), sql.Identifier(owner)
        connection.execute(sql.SQL("GRANT CREATE ON SCHEMA {} TO {}").format(schema, role))
        set_owner(connection, published.tables, owner)
        connection.execute(sql.SQL("ALTER SCHEMA {} OWNER TO {}").format(schema, role))
    return published


def published_leftovers(connection: Connection, run: int) -> PublishedLeftovers | None:
    """Return the leftovers of that publication, or None if it published none.

    Raises PublishError if they cannot be undone.
    """
    entries = leftovers_entries(connection)
    entry = next((entry for entry in entries if entry.run == run), None)
    if entry is None:
        return None
    _check_latest(connection, run, (other.run for other in entries))
    if entry.archive:
        check_archive(connection, entry.archive, entry.kept, LEFTOVERS)
    check_leftovers_preconditions(connection)
    return PublishedLeftovers(archive=entry.archive, tables=_tables(connection))


def restore_leftovers(connection: Connection, run: int, published: PublishedLeftovers) -> str:
    """Rename the replaced schema back in the caller's transaction. Return the schema of the undone leftovers, or ''."""
    undone = ""
    if _has_leftovers(connection):
        undone = unused_schema(connection, "migrate_to_pg_undone_leftovers")
        rename_schema(connection, LEFTOVERS, undone)
    if published.archive:
        rename_schema(connection, published.archive, LEFTOVERS)
    connection.execute(sql.SQL("UPDATE {} SET undone = %s WHERE run = %s").format(_TABLE), [undone, run])
    return undone


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftoversEntry:
    """The record of one publication of leftovers."""

    run: int
    archive: str
    undone: str
    #: None where an earlier version did not record them.
    kept: tuple[SchemaObject, ...] | None


def leftovers_entries(connection: Connection) -> list[LeftoversEntry]:
    """Return every record. Raise PublishError if one is invalid, because it decides which schemas are renamed."""
    require_readable(connection, "leftovers")
    if connection.execute("SELECT to_regclass(%s)", [f"{BOOKKEEPING}.leftovers"]).fetchone() == (None,):
        return []
    lines = connection.execute(sql.SQL("SELECT to_jsonb(l) FROM {} l").format(_TABLE)).fetchall()
    return [
        LeftoversEntry(
            run=read("run", as_number),
            archive=read("archive", as_dated_or_none),
            undone=read("undone", as_dated_or_none),
            kept=read.optional("kept", as_objects),
        )
        for read in (LineReader("leftovers", line, number="run") for (line,) in lines)
    ]


def _check_latest(connection: Connection, run: int, others: Iterable[int]) -> None:
    """Raise PublishError if a later publication, to whatever schema, replaced these leftovers."""
    later = {other for other in others if other > run}
    final = next((p.final_schema for p in reversed(entries(connection)) if p.id in later and not p.undone), None)
    if final is not None:
        raise PublishError(
            _(
                "A later publication, to schema {final}, put its own into schema {schema}.",
                final=final,
                schema=LEFTOVERS,
            ),
            remedy=_("Undo that one first, with --publish-to {final}.", final=final),
        )


def _tables(connection: Connection) -> tuple[SchemaObject, ...]:
    return tuple(found for found in objects_in(connection, LEFTOVERS) if found.type == "table")


def _has_leftovers(connection: Connection) -> bool:
    return connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", [LEFTOVERS]).fetchone() is not None
