"""Check that a role can own the published objects, and make it their owner.

PostgreSQL requires that this role owns the objects and may SET ROLE to the new owner, and that the new owner may create
objects in the schema.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import TargetError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.objects import SchemaObject, change_owner

Connection = psycopg.Connection[Any]

#: Kinds of objects without an owner that ALTER could change.
_WITHOUT_OWNER = ("extension", "text search parser", "text search template")

# Since PostgreSQL 16 a member may lack the right to SET ROLE. Earlier versions do not know the privilege 'SET'.
_ROLE_CHECKS = """
SELECT r.rolname IS NOT NULL,
       r.rolname IS NOT NULL AND pg_has_role(r.oid, CASE WHEN %(version)s >= 160000 THEN 'SET' ELSE 'MEMBER' END),
       r.rolname IS NOT NULL AND has_schema_privilege(r.oid, n.oid, 'CREATE'),
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
FROM pg_namespace n LEFT JOIN pg_roles r ON r.rolname = %(owner)s WHERE n.nspname = %(final)s
"""


def require_owner(connection: Connection, owner: str, final: str) -> None:
    """Raise TargetError if that role cannot own the published objects, before any row is loaded."""
    parameters = {"owner": owner, "final": final, "version": connection.info.server_version}
    row = connection.execute(_ROLE_CHECKS, parameters).fetchone()
    exists, may_set, may_create, superuser = row or (False, False, False, False)
    name, user = _between_quotes(owner), _between_quotes(connection.info.user)
    if not exists:
        raise TargetError(
            _("There is no role {owner} that the tables could belong to.", owner=owner),
            remedy=_('Name another one with --owner, or run: CREATE ROLE "{owner}";', owner=name),
        )
    if not may_set:
        raise TargetError(
            _("Role {user} may not SET ROLE {owner}: it is no member of it.", user=connection.info.user, owner=owner),
            remedy=_('As an administrator, run: GRANT "{owner}" TO "{user}";', owner=name, user=user),
        )
    if not may_create and not superuser:
        raise TargetError(
            _("Role {owner} may not create tables in schema {schema}, as their owner must.", owner=owner, schema=final),
            remedy=_(
                'As the schema\'s owner, run: GRANT CREATE ON SCHEMA "{schema}" TO "{user}";',
                schema=_between_quotes(final),
                user=name,
            ),
        )


def set_owner(connection: Connection, objects: Iterable[SchemaObject], owner: str) -> None:
    """Change the owner in the caller's transaction. Call it last: this role may lose its rights on the objects."""
    # A multirange follows the owner of its range and cannot be altered itself.
    following = {oid for (oid,) in connection.execute("SELECT oid::bigint FROM pg_type WHERE typtype = 'm'").fetchall()}
    for given in objects:
        if given.type not in _WITHOUT_OWNER and not (given.type == "type" and given.oid in following):
            change_owner(connection, given, owner)


def _between_quotes(name: str) -> str:
    """Escape a name for use between the quotes of an identifier."""
    return sql.Identifier(name).as_string(None)[1:-1]
