"""Archive schemas that keep replaced or undone tables: their dated names, their marks, and whether they are complete.

A mark is the schema's comment. It names the publication that made the schema. Before a purge drops the first table, it
changes the mark, so that --undo never takes the rest of an interrupted purge for the complete schema.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import PublishError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.postgres.objects import SchemaObject, objects_in
from migrate_to_pg.system.clock import now

Connection = psycopg.Connection[Any]

#: Prefixes of the schemas that publish and undo make.
DATED_SCHEMAS = ("migrate_to_pg_replaced", "migrate_to_pg_undone")
_NAME = re.compile(rf"(?:{'|'.join(DATED_SCHEMAS)})(?:_leftovers)?_\d{{8}}_\d{{6}}(?:_\d+)?")
_PURGE_MARK = "migrate_to_pg: a purge has begun to remove this schema"


def is_dated(name: str) -> bool:
    """Return whether publish or undo may have made a schema of that name."""
    return _NAME.fullmatch(name) is not None


def unused_schema(connection: Connection, prefix: str) -> str:
    """Return the prefix with the current date and time, and a number if that name is taken."""
    name = f"{prefix}_{now():%Y%m%d_%H%M%S}"
    taken = dated_schemas(connection)
    return next(n for n in (name, *(f"{name}_{i}" for i in range(2, 1000))) if n not in taken)


def dated_schemas(connection: Connection) -> dict[str, int]:
    """Return the name and oid of each archive schema."""
    query = "SELECT nspname, oid::bigint FROM pg_namespace ORDER BY nspname"
    return {name: oid for name, oid in connection.execute(query).fetchall() if is_dated(name)}


def mark_of(publication: int) -> str:
    """Return the comment of a schema that was made for that publication."""
    return f"migrate_to_pg: publication {publication}"


def mark(connection: Connection, schema: str, publication: int) -> None:
    """Record in the schema's comment which publication it was made for."""
    _comment(connection, schema, mark_of(publication))


def mark_for_purge(connection: Connection, schema: str) -> None:
    """Record in the schema's comment that a purge has begun to drop its tables."""
    _comment(connection, schema, _PURGE_MARK)


def is_marked(connection: Connection, schema: str, publication: int) -> bool:
    """Return whether the schema's mark names that publication, or a purge that has begun."""
    return _read_mark(connection, schema) in (mark_of(publication), _PURGE_MARK)


def is_being_purged(connection: Connection, schema: str) -> bool:
    """Return whether a purge was interrupted while it dropped that schema."""
    return _read_mark(connection, schema) == _PURGE_MARK


def _comment(connection: Connection, schema: str, text: str) -> None:
    connection.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(schema), sql.Literal(text)))


def _read_mark(connection: Connection, schema: str) -> str:
    query = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s"
    row = connection.execute(query, [schema]).fetchone()
    return (row[0] or "") if row else ""


def check_archive(
    connection: Connection, schema: str, kept: Sequence[SchemaObject] | None, final: str
) -> list[SchemaObject]:
    """Return the objects of an archive schema.

    ``kept`` has the objects that the record names. It is None for a publication of an earlier version, which did not
    record them. Raises PublishError if one of them is missing, or other objects were added.
    """
    there = {o.address: o for o in objects_in(connection, schema)}
    lacking = [o.label for o in kept or () if o.address not in there]
    if is_being_purged(connection, schema):
        raise PublishError(
            _(
                "--purge has begun to remove schema {schema}, and was interrupted: it is no longer complete.",
                schema=schema,
            ),
            detail=lacking,
            remedy=_("Nothing was changed. Run --purge again, which goes on; restore the tables from a backup."),
        )
    if schema not in dated_schemas(connection):
        raise PublishError(
            _("The replaced tables are gone: schema {archive} is not there any more.", archive=schema),
            detail=lacking,
            remedy=_("Restore them from a backup of the PostgreSQL database."),
        )
    if lacking:
        raise PublishError(
            _(
                "Schema {schema} does not hold all that was in schema {final} before: {lacking} of {objects} lack.",
                schema=schema,
                final=final,
                lacking=len(lacking),
                objects=pluralize(len(kept or ()), "object", "objects"),
            ),
            detail=lacking,
            remedy=_("Nothing was changed. Bring these back into that schema from a backup, then run --undo again."),
        )
    known = {o.address for o in kept} if kept is not None else there.keys()
    others = [o.label for address, o in there.items() if address not in known]
    if others:
        raise PublishError(
            _("Schema {schema} holds what no publication put there: {first}.", schema=schema, first=others[0]),
            detail=others,
            remedy=_(
                "Nothing was changed. Move these to another schema (ALTER ... SET SCHEMA), then run --undo again."
            ),
        )
    return list(there.values())
