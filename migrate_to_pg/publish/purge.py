"""The dated schemas that --purge removes: listed once, known by their oids, and dropped table by table.

A schema of hundreds of tables takes more locks than one transaction may hold. So it is marked first, all in one
transaction that is on the disk before the first table goes: what an interrupted purge leaves is known for what it is.
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
from migrate_to_pg.postgres.objects import SchemaObject, objects_in, outsiders
from migrate_to_pg.postgres.standby import wait_for_the_disk
from migrate_to_pg.publish.archive_names import dated_schemas, is_being_purged, is_marked, mark_for_purge
from migrate_to_pg.publish.history import entries
from migrate_to_pg.publish.publish_leftovers import remembered_leftovers
from migrate_to_pg.publish.required_privileges import require_ours
from migrate_to_pg.publish.transaction import LOCK_TIMEOUT, holders_of

Connection = psycopg.Connection[Any]

#: Tables dropped in one transaction: each takes a dozen locks.
_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DoomedSchema:
    """A schema as it was when it was listed."""

    name: str
    oid: int
    objects: tuple[SchemaObject, ...]
    #: Whether an earlier purge was interrupted while it dropped it.
    begun: bool

    @property
    def label(self) -> str:
        """The line that a person agrees to."""
        tables = pluralize(sum(o.type == "table" for o in self.objects), "table", "tables")
        if self.begun:
            return _("schema {name} ({tables}; an earlier purge has begun to remove it)", name=self.name, tables=tables)
        return _("schema {name} ({tables})", name=self.name, tables=tables)


def doomed_schemas(connection: Connection, final: str) -> tuple[list[DoomedSchema], list[str]]:
    """The dated schemas of the publications to ``final``, and those that no record names: nobody's to remove."""
    finals = {entry.id: entry.final_schema for entry in entries(connection)}
    known = [(entry.archive, entry.id, entry.marks_archive) for entry in entries(connection)]
    for line in remembered_leftovers(connection):
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
    doomed = [
        DoomedSchema(
            name=name,
            oid=there[name],
            objects=tuple(objects_in(connection, name)),
            begun=is_being_purged(connection, name),
        )
        for name in sorted(ours - others)
    ]
    return doomed, sorted(there.keys() - ours - others)


def drop_schemas(
    connection: Connection, doomed: Sequence[DoomedSchema], final: str, dropped: Callable[[DoomedSchema], None]
) -> None:
    """Drop what is still as it was listed; ``dropped`` is told of each. What is no longer there is passed over.

    Raises PublishError where something came into one of them, something outside depends on it, or it is in use;
    TargetError where it is another role's.
    """
    now = {schema.oid: schema for schema in doomed_schemas(connection, final)[0]}
    left = [schema for schema in doomed if schema.oid in now and now[schema.oid].name == schema.name]
    for schema in left:
        _require_as_listed(schema, now[schema.oid].objects)
        _require_alone(connection, schema.name, now[schema.oid].objects)
    require_ours(connection, (o for schema in left for o in now[schema.oid].objects), [schema.name for schema in left])
    with _describe(connection, left), connection.transaction():
        wait_for_the_disk(connection)
        for schema in left:
            mark_for_purge(connection, schema.name)
    for schema in left:
        _drop(connection, schema)
        dropped(schema)


def _drop(connection: Connection, schema: DoomedSchema) -> None:
    tables = [""]
    while tables:
        with _describe(connection, [schema]), connection.transaction():
            connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{LOCK_TIMEOUT}s")))
            connection.execute("SET LOCAL client_min_messages = warning")
            objects = objects_in(connection, schema.name)
            tables = [o.identity for o in objects if o.type == "table"][:_AT_ONCE]
            # PostgreSQL's own text, quoted by it.
            names = sql.SQL(", ").join(map(sql.SQL, tables))
            if tables:
                # From here on nobody can make a view of them, which CASCADE would take along.
                connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
            _require_as_listed(schema, objects)
            _require_alone(connection, schema.name, objects)
            if tables:
                connection.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(names))
            elif dated_schemas(connection).get(schema.name) == schema.oid:
                connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema.name)))


def _require_as_listed(schema: DoomedSchema, objects: Sequence[SchemaObject]) -> None:
    listed = {(o.class_oid, o.oid) for o in schema.objects}
    new = [o.label for o in objects if (o.class_oid, o.oid) not in listed]
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


def _require_alone(connection: Connection, name: str, objects: Sequence[SchemaObject]) -> None:
    depending = outsiders(connection, objects)
    # Its members would go with it, and with them every column of their types.
    depending += [o.label for o in objects if o.type == "extension"]
    if depending:
        raise PublishError(
            _("Schema {name} is still used.", name=name),
            detail=depending,
            remedy=_("Drop these first, then run --purge again."),
        )


@contextmanager
def _describe(connection: Connection, schemas: Sequence[DoomedSchema]) -> Iterator[None]:
    """What PostgreSQL refuses, in a line that says how it goes on."""
    names = ", ".join(schema.name for schema in schemas)
    try:
        yield
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        raise PublishError(
            _(
                "Schema {name} is in use: its tables could not be locked within {seconds} s.",
                name=names,
                seconds=LOCK_TIMEOUT,
            ),
            detail=holders_of(connection, [o.oid for schema in schemas for o in schema.objects if o.is_relation]),
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
