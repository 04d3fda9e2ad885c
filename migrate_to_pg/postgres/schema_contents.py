"""Remember on a schema that is kept what a run put into it, so that the next one drops nothing else with it."""

from __future__ import annotations

import json
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import TargetError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.objects import SchemaObject, objects_in

Connection = psycopg.Connection[Any]

#: What the schema's comment begins with; the identities of its objects follow.
_KEPT = "migrate_to_pg: kept with "


def note_contents(connection: Connection, schema: str) -> None:
    """Write on the schema what is in it now."""
    text = _KEPT + json.dumps([_identity(found) for found in objects_in(connection, schema)])
    connection.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(schema), sql.Literal(text)))


def require_noted_contents(connection: Connection, schema: str) -> None:
    """TargetError where a schema that was kept holds what came later; nothing is known of any other schema."""
    query = "SELECT obj_description(to_regnamespace(quote_ident(%s)), 'pg_namespace')"
    row = connection.execute(query, [schema]).fetchone()
    noted = (row[0] if row else None) or ""
    if not noted.startswith(_KEPT):
        return
    known = set(map(tuple, json.loads(noted.removeprefix(_KEPT))))
    added = [found.label for found in objects_in(connection, schema) if _identity(found) not in known]
    if added:
        raise TargetError(
            _("Schema {name} is to be dropped, and holds what no run put there: {first}.", name=schema, first=added[0]),
            detail=added,
            remedy=_("Move these to another schema (ALTER ... SET SCHEMA), or drop them, then run again."),
        )


def _identity(found: SchemaObject) -> tuple[int, int]:
    return found.class_oid, found.oid
