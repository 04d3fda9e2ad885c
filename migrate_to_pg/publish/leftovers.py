"""Schema ``sqlite_leftovers``: what stands there gives way to what is published, under a date; and the way back.

The schema is renamed whole, so that whatever somebody keeps there stays together. Nothing is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import PublishError
from migrate_to_pg.language import gettext as _
from migrate_to_pg.publish.dated import unused_schema
from migrate_to_pg.publish.objects import SchemaObject, objects_in, outsiders
from migrate_to_pg.publish.owner import give_to
from migrate_to_pg.records import BOOKKEEPING, LEFTOVERS, LEFTOVERS_INCOMING

Connection = psycopg.Connection[Any]

_TABLE = sql.Identifier(BOOKKEEPING, "leftovers")
_PUBLICATION = sql.Identifier(BOOKKEEPING, "publication")
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


def require_leftovers_room(connection: Connection) -> None:
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
    require_leftovers_room(connection)
    archive = ""
    if _exists(connection, LEFTOVERS):
        archive = unused_schema(connection, "migrate_to_pg_replaced_leftovers")
        _rename(connection, LEFTOVERS, archive)
    _rename(connection, LEFTOVERS_INCOMING, LEFTOVERS)
    connection.execute(sql.SQL(_CREATE).format(_TABLE))
    statement = sql.SQL("INSERT INTO {} (run, archive) VALUES (%s, %s)").format(_TABLE)
    connection.execute(statement, [run, archive])
    published = PublishedLeftovers(archive=archive, tables=_tables(connection))
    if owner:
        # A table's owner must be one who may create in its schema.
        schema, role = sql.Identifier(LEFTOVERS), sql.Identifier(owner)
        connection.execute(sql.SQL("GRANT CREATE ON SCHEMA {} TO {}").format(schema, role))
        give_to(connection, published.tables, owner)
        connection.execute(sql.SQL("ALTER SCHEMA {} OWNER TO {}").format(schema, role))
    return published


def published_leftovers(connection: Connection, run: int) -> PublishedLeftovers | None:
    """What that publication put into the schema; None where it put nothing there.

    Raises PublishError where it could not be taken back.
    """
    archive = _archive_of(connection, run)
    if archive is None:
        return None
    _require_latest(connection, run)
    if archive and not _exists(connection, archive):
        raise PublishError(
            _(
                "What stood in schema {schema} before is gone: schema {archive} is not there any more.",
                schema=LEFTOVERS,
                archive=archive,
            ),
            remedy=_("Restore it from a backup of the PostgreSQL database."),
        )
    require_leftovers_room(connection)
    return PublishedLeftovers(archive=archive, tables=_tables(connection))


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


def leftovers_kept_for_others(connection: Connection, final: str) -> frozenset[str]:
    """The dated schemas that keep leftovers for publications to another schema."""
    if not _is_recorded(connection):
        return frozenset()
    query = sql.SQL("SELECT l.archive, l.undone FROM {} l JOIN {} p ON p.id = l.run WHERE p.final_schema <> %s")
    rows = connection.execute(query.format(_TABLE, _PUBLICATION), [final]).fetchall()
    return frozenset(name for row in rows for name in row if name)


def _require_latest(connection: Connection, run: int) -> None:
    """What is there must be of this publication: there is one such schema, whatever was published to."""
    query = sql.SQL(
        "SELECT p.final_schema FROM {} l JOIN {} p ON p.id = l.run WHERE l.run > %s AND p.undone_at IS NULL"
        " ORDER BY l.run DESC"
    )
    row = connection.execute(query.format(_TABLE, _PUBLICATION), [run]).fetchone()
    if row:
        raise PublishError(
            _(
                "A later publication, to schema {final}, put its own into schema {schema}.",
                final=row[0],
                schema=LEFTOVERS,
            ),
            remedy=_("Undo that one first, with --publish-to {final}.", final=row[0]),
        )


def _archive_of(connection: Connection, run: int) -> str | None:
    if not _is_recorded(connection):
        return None
    row = connection.execute(sql.SQL("SELECT archive FROM {} WHERE run = %s").format(_TABLE), [run]).fetchone()
    return str(row[0]) if row else None


def _is_recorded(connection: Connection) -> bool:
    return connection.execute("SELECT to_regclass(%s)", [f"{BOOKKEEPING}.leftovers"]).fetchone() != (None,)


def _tables(connection: Connection) -> tuple[SchemaObject, ...]:
    return tuple(found for found in objects_in(connection, LEFTOVERS) if found.type == "table")


def _exists(connection: Connection, schema: str) -> bool:
    return connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", [schema]).fetchone() is not None


def _rename(connection: Connection, name: str, new: str) -> None:
    connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(new)))
