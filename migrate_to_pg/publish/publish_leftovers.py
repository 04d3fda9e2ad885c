"""Schema ``sqlite_leftovers``: what stands there gives way to what is published, under a date; and the way back.

The schema is renamed whole, so that whatever somebody keeps there stays together. Nothing is dropped.
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
from migrate_to_pg.postgres.objects import SchemaObject, objects_in, outsiders
from migrate_to_pg.publish.archive_contents import check_archive
from migrate_to_pg.publish.archive_names import unused_schema
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
    -- where what stood in sqlite_leftovers before is kept; '' where nothing did
    archive text NOT NULL,
    -- where --undo put what this publication had made; '' before that
    undone text NOT NULL DEFAULT ''
)
"""
#: The objects that stood there before, which must all be there for --undo; an earlier version left it out.
_ADD = "ALTER TABLE {} ADD COLUMN kept jsonb"
_HAS_KEPT = """
SELECT FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = 'leftovers' AND a.attname = 'kept' AND NOT a.attisdropped
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedLeftovers:
    """What a publication put into the schema, as it is now."""

    archive: str
    #: Empty where somebody has dropped the schema since.
    tables: tuple[SchemaObject, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The tables' names."""
        return tuple(table.names[0] for table in self.tables)


def check_leftovers_preconditions(connection: Connection) -> None:
    """PublishError where what stands in the schema cannot be moved, or is used from outside of it."""
    query = "SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = %s"
    row = connection.execute(query, [LEFTOVERS]).fetchone()
    if row == (False,):
        raise PublishError(
            _("Schema {schema} belongs to another role, and has to make room.", schema=LEFTOVERS),
            remedy=_("Connect as its owner, or rename it; --leftovers skip leaves it as it is."),
        )
    depending = outsiders(connection, objects_in(connection, LEFTOVERS))
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
    """Within the caller's transaction: the incoming leftovers take their place, and ``run`` remembers it.

    They belong to ``owner`` then; without one, to this role.
    """
    check_leftovers_preconditions(connection)
    archive = ""
    kept = objects_in(connection, LEFTOVERS)
    if _exists(connection, LEFTOVERS):
        archive = unused_schema(connection, "migrate_to_pg_replaced_leftovers")
        _rename(connection, LEFTOVERS, archive)
    _rename(connection, LEFTOVERS_INCOMING, LEFTOVERS)
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
    """What that publication put into the schema; None where it put nothing there.

    Raises PublishError where it could not be taken back.
    """
    lines = remembered_leftovers(connection)
    line = next((line for line in lines if line.run == run), None)
    if line is None:
        return None
    _require_latest(connection, run, (other.run for other in lines))
    if line.archive:
        check_archive(connection, line.archive, line.kept, LEFTOVERS)
    check_leftovers_preconditions(connection)
    return PublishedLeftovers(archive=line.archive, tables=_tables(connection))


def take_leftovers_back(connection: Connection, run: int, published: PublishedLeftovers) -> str:
    """Within the caller's transaction: what stood there before is back; returns where the other is kept, or ''."""
    aside = ""
    if _exists(connection, LEFTOVERS):
        aside = unused_schema(connection, "migrate_to_pg_undone_leftovers")
        _rename(connection, LEFTOVERS, aside)
    if published.archive:
        _rename(connection, published.archive, LEFTOVERS)
    connection.execute(sql.SQL("UPDATE {} SET undone = %s WHERE run = %s").format(_TABLE), [aside, run])
    return aside


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What a publication did to the schema, as it is remembered."""

    run: int
    archive: str
    undone: str
    #: None where an earlier version did not say.
    kept: tuple[SchemaObject, ...] | None


def remembered_leftovers(connection: Connection) -> list[Remembered]:
    """Every line. Raises PublishError where one is not as this program writes it: it would decide what is renamed."""
    require_readable(connection, "leftovers")
    if connection.execute("SELECT to_regclass(%s)", [f"{BOOKKEEPING}.leftovers"]).fetchone() == (None,):
        return []
    query = sql.SQL("SELECT to_jsonb(l) FROM {} l").format(_TABLE)
    return [_remembered(line) for (line,) in connection.execute(query).fetchall()]


def _remembered(line: dict[str, Any]) -> Remembered:
    read = LineReader("leftovers", line, number="run")
    return Remembered(
        run=read("run", as_number),
        archive=read("archive", as_dated_or_none),
        undone=read("undone", as_dated_or_none),
        kept=read.if_there("kept", as_objects),
    )


def _require_latest(connection: Connection, run: int, others: Iterable[int]) -> None:
    """What is there must be of this publication: there is one such schema, whatever was published to."""
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


def _exists(connection: Connection, schema: str) -> bool:
    return connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", [schema]).fetchone() is not None


def _rename(connection: Connection, name: str, new: str) -> None:
    connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(new)))
