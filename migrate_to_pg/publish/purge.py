"""List the archive schemas that --purge removes, and drop them table by table.

A schema of hundreds of tables needs more locks than one transaction may hold. So all schemas are marked first, in one
transaction that is on the disk before the first table is dropped. The rest of an interrupted purge has that mark.
Schemas are identified by their oids from the listing on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import PublishError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.postgres.objects import SchemaObject, external_dependents, objects_in
from migrate_to_pg.postgres.standby import require_durable_commit
from migrate_to_pg.publish.archive_schemas import dated_schemas, is_being_purged, is_marked, mark_for_purge
from migrate_to_pg.publish.history import entries
from migrate_to_pg.publish.publish_leftovers import leftovers_entries
from migrate_to_pg.publish.required_privileges import require_owned
from migrate_to_pg.publish.transaction import LOCK_TIMEOUT_SECONDS, lock_holders

Connection = psycopg.Connection[Any]

#: Each table takes a dozen locks.
_TABLES_PER_TRANSACTION = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeableSchema:
    """An archive schema as it was when it was listed."""

    name: str
    oid: int
    objects: tuple[SchemaObject, ...]
    #: An earlier purge was interrupted while it dropped this schema.
    interrupted: bool

    @property
    def label(self) -> str:
        """Return the line that the user is asked to confirm."""
        tables = pluralize(sum(o.type == "table" for o in self.objects), "table", "tables")
        if self.interrupted:
            return _("schema {name} ({tables}; an earlier purge has begun to remove it)", name=self.name, tables=tables)
        return _("schema {name} ({tables})", name=self.name, tables=tables)


def purgeable_schemas(connection: Connection, final: str) -> tuple[list[PurgeableSchema], list[str]]:
    """Return the archive schemas of publications to ``final``, and the names of those that no record names."""
    finals = {entry.id: entry.final_schema for entry in entries(connection)}
    known = [(entry.archive, entry.id, entry.marks_archive) for entry in entries(connection)]
    for line in leftovers_entries(connection):
        known += [(line.archive, line.run, False), (line.undone, line.run, False)]
    there = dated_schemas(connection)
    ours = {
        name
        for name, publication, marked in known
        if name in there
        and finals.get(publication) == final
        and (not marked or is_marked(connection, name, publication))
    }
    others = {name for name, publication, _marked in known if finals.get(publication, final) != final}
    purgeable = [
        PurgeableSchema(
            name=name,
            oid=there[name],
            objects=tuple(objects_in(connection, name)),
            interrupted=is_being_purged(connection, name),
        )
        for name in sorted(ours - others)
    ]
    return purgeable, sorted(there.keys() - ours - others)


def drop_schemas(
    connection: Connection, purgeable: Sequence[PurgeableSchema], final: str, dropped: Callable[[PurgeableSchema], None]
) -> None:
    """Drop the listed schemas, and call ``dropped`` after each. Schemas that no longer exist are skipped.

    Raises PublishError if objects were added to one since, external objects depend on it, or it is in use. Raises
    TargetError if it is another role's.
    """
    now = {schema.oid: schema for schema in purgeable_schemas(connection, final)[0]}
    left = [schema for schema in purgeable if schema.oid in now and now[schema.oid].name == schema.name]
    for schema in left:
        _check_unchanged(schema, now[schema.oid].objects)
        _check_no_dependents(connection, schema.name, now[schema.oid].objects)
    require_owned(connection, (o for schema in left for o in now[schema.oid].objects), [schema.name for schema in left])
    with _explain_errors(connection, left), connection.transaction():
        require_durable_commit(connection)
        for schema in left:
            mark_for_purge(connection, schema.name)
    for schema in left:
        _drop(connection, schema)
        dropped(schema)


def _drop(connection: Connection, schema: PurgeableSchema) -> None:
    tables = [""]
    while tables:
        with _explain_errors(connection, [schema]), connection.transaction():
            connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{LOCK_TIMEOUT_SECONDS}s")))
            connection.execute("SET LOCAL client_min_messages = warning")
            objects = objects_in(connection, schema.name)
            tables = [o.identity for o in objects if o.type == "table"][:_TABLES_PER_TRANSACTION]
            # PostgreSQL quoted these names.
            names = sql.SQL(", ").join(map(sql.SQL, tables))
            if tables:
                # From here on nobody can make a view of them, which CASCADE would drop.
                connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
            _check_unchanged(schema, objects)
            _check_no_dependents(connection, schema.name, objects)
            if tables:
                connection.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(names))
            elif dated_schemas(connection).get(schema.name) == schema.oid:
                connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema.name)))


def _check_unchanged(schema: PurgeableSchema, objects: Sequence[SchemaObject]) -> None:
    listed = {o.address for o in schema.objects}
    new = [o.label for o in objects if o.address not in listed]
    if new:
        raise PublishError(
            _(
                "Schema {name} holds something that was not there when it was listed: {first}.",
                name=schema.name,
                first=new[0],
            ),
            detail=new,
            remedy=_("Move these to another schema (ALTER ... SET SCHEMA), then run --purge again."),
        )


def _check_no_dependents(connection: Connection, name: str, objects: Sequence[SchemaObject]) -> None:
    depending = external_dependents(connection, objects)
    # Its members would be dropped with it, and with them every column of their types.
    depending += [o.label for o in objects if o.type == "extension"]
    if depending:
        raise PublishError(
            _("Schema {name} is still used.", name=name),
            detail=depending,
            remedy=_("Drop these first, then run --purge again."),
        )


@contextmanager
def _explain_errors(connection: Connection, schemas: Sequence[PurgeableSchema]) -> Iterator[None]:
    """Turn PostgreSQL's errors into PublishErrors that advise how to continue."""
    names = ", ".join(schema.name for schema in schemas)
    try:
        yield
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        raise PublishError(
            _(
                "Schema {name} is in use: its tables could not be locked within {seconds} s.",
                name=names,
                seconds=LOCK_TIMEOUT_SECONDS,
            ),
            detail=lock_holders(connection, [o.oid for schema in schemas for o in schema.objects if o.is_relation]),
            remedy=_("End these sessions, then run --purge again: it goes on with what is left."),
        ) from error
    except psycopg.Error as error:
        raise PublishError(
            _(
                "Schema {name} could not be removed: {message}",
                name=names,
                message=error.diag.message_primary or next(iter(str(error).splitlines()), ""),
            ),
            detail=[line for line in (error.diag.message_detail, error.diag.message_hint) if line],
            remedy=_("Run --purge again: it goes on with what is left."),
        ) from error
