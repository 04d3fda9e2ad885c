"""Check, before anything is read, that the role may read every row of a schema, and the state of its sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import TargetError
from migrate_to_pg.i18n import gettext as _

#: Tables that are named.
_SHOWN = 5
_SCHEMAS = """
SELECT nspname FROM pg_namespace WHERE nspname = ANY (%s) AND NOT has_schema_privilege(oid, 'USAGE') ORDER BY 1
"""
_RELATIONS = """
SELECT n.nspname, format('%%I.%%I', n.nspname, c.relname),
       CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'SELECT')
            ELSE has_table_privilege(c.oid, 'SELECT') END,
       row_security_active(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p', 'S') ORDER BY 2
"""


def require_readable(connection: psycopg.Connection[Any], schemas: Sequence[str]) -> None:
    """Raise TargetError where the role may not read a table or a sequence of these schemas, or not all rows."""
    closed = [schema for (schema,) in connection.execute(_SCHEMAS, [list(schemas)])]
    if closed:
        raise _refused(connection, closed, closed)
    found = connection.execute(_RELATIONS, [list(schemas)]).fetchall()
    if refused := [(schema, name) for schema, name, may_read, _hides in found if not may_read]:
        raise _refused(
            connection, [name for __, name in refused], list(dict.fromkeys(schema for schema, __ in refused))
        )
    if hidden := [name for __, name, ___, hides in found if hides]:
        raise TargetError(
            _("Row security hides rows from role {user}.", user=connection.info.user),
            detail=_named(hidden),
            remedy=_("Connect as the tables' owner, or as a role with BYPASSRLS."),
        )


def _refused(connection: psycopg.Connection[Any], names: list[str], schemas: list[str]) -> TargetError:
    user = connection.info.user
    grants = (
        sql.SQL(
            "GRANT USAGE ON SCHEMA {schema} TO {user}; GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {user};"
            " GRANT SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {user};"
        ).format(schema=sql.Identifier(schema), user=sql.Identifier(user))
        for schema in schemas
    )
    return TargetError(
        _("Role {user} may not read everything that is to be moved.", user=user),
        detail=_named(names),
        remedy=_("As the owner, run:\n{grants}", grants="\n".join(grant.as_string(connection) for grant in grants)),
    )


def _named(names: list[str]) -> list[str]:
    return [*names[:_SHOWN], *(["..."] if len(names) > _SHOWN else [])]
