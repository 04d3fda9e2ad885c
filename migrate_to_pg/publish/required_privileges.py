"""Check the privileges that --undo and --purge need, before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg

from migrate_to_pg.errors import TargetError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.postgres.objects import SchemaObject, members_of
from migrate_to_pg.records import BOOKKEEPING

Connection = psycopg.Connection[Any]

# Naming the table would be an error for a role that may not use its schema, so the catalogue is read.
_REFUSED_TABLE_OWNER = """
SELECT pg_get_userbyid(c.relowner) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s
  AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, %s))
"""

# pg_shdepend has no rows for objects of the role that initdb made, because that role is pinned. Its oid is 10.
_OWNERS = """
WITH wanted AS (
    SELECT * FROM unnest(%(classes)s::oid[], %(oids)s::oid[]) AS w (classid, objid)
    UNION SELECT 'pg_namespace'::regclass, oid FROM pg_namespace WHERE nspname = ANY (%(schemas)s)
), owned AS (
    SELECT w.*, coalesce(s.refobjid, 10) AS owner FROM wanted w
    LEFT JOIN pg_shdepend s ON (s.classid, s.objid, s.objsubid, s.deptype) = (w.classid, w.objid, 0, 'o')
      AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
)
SELECT pg_get_userbyid(owner), pg_describe_object(classid, objid, 0) FROM owned
WHERE NOT pg_has_role(owner, 'USAGE') ORDER BY 1, 2
"""


def require_readable(connection: Connection, table: str) -> None:
    """Raise TargetError if that table of schema ``migrate_to_pg`` exists and this role may not read it."""
    if row := connection.execute(_REFUSED_TABLE_OWNER, [BOOKKEEPING, table, "SELECT"]).fetchone():
        raise _privilege_error(
            _(
                "Role {user} may not read table {table}, which remembers what was published.",
                user=connection.info.user,
                table=f"{BOOKKEEPING}.{table}",
            ),
            [row[0]],
        )


def require_writable(connection: Connection, table: str) -> None:
    """Raise TargetError if that table exists and this role may not change it."""
    if row := connection.execute(_REFUSED_TABLE_OWNER, [BOOKKEEPING, table, "UPDATE"]).fetchone():
        raise _privilege_error(
            _(
                "Role {user} may not change table {table}, which remembers what was published.",
                user=connection.info.user,
                table=f"{BOOKKEEPING}.{table}",
            ),
            [row[0]],
        )


def require_owned(connection: Connection, objects: Iterable[SchemaObject], schemas: Iterable[str]) -> None:
    """Raise TargetError if this role lacks the rights of the owner of any of these."""
    parameters = {**members_of(objects), "schemas": list(schemas)}
    foreign = connection.execute(_OWNERS, parameters).fetchall()
    if foreign:
        raise _privilege_error(
            _(
                "Role {user} may not do this: {first} belongs to role {owner}, {objects} in all to other roles.",
                user=connection.info.user,
                first=foreign[0][1],
                owner=foreign[0][0],
                objects=pluralize(len(foreign), "object", "objects"),
            ),
            [owner for owner, _label in foreign],
        )


def _privilege_error(message: str, owners: Iterable[str]) -> TargetError:
    return TargetError(
        message,
        remedy=_(
            "Nothing was changed. Connect as a superuser, or as a role that is, or is a member of, {owners}.",
            owners=", ".join(sorted(set(owners))),
        ),
    )
