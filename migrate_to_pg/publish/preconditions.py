"""Check that the staged objects can be published to the final schema.

This runs before the rows are loaded, so that nobody waits hours for an error, and again when they are published.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from migrate_to_pg.errors import PublishError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.postgres.objects import (
    MEMBERS,
    SchemaObject,
    external_dependents,
    members_of,
    objects_in,
    replaced_by,
)
from migrate_to_pg.publish.publications import require_alterable

Connection = psycopg.Connection[Any]


def check_preconditions(connection: Connection, staged: str, final: str) -> None:
    """Raise PublishError if a replaced object is not ours or has external dependents, or a name is taken."""
    new = objects_in(connection, staged)
    old = replaced_by(new, objects_in(connection, final))
    _check_default_privileges(connection, staged)
    parameters = {**members_of(old), "staged": staged, "final": final}
    taken = [row[0] for row in connection.execute((MEMBERS + _CLASHES).encode(), parameters).fetchall()]
    if taken:
        raise PublishError(
            _("Names that the migrations use are taken in schema {final} by something of another kind.", final=final),
            detail=taken,
            remedy=_("Rename these, or move them to another schema (ALTER ... SET SCHEMA), then run again."),
        )
    _check_owned(connection, old)
    depending = external_dependents(connection, old)
    if depending:
        raise PublishError(
            _("Something in the database depends on objects of schema {final} that would be replaced.", final=final),
            detail=depending,
            remedy=_("Drop these and make them again afterwards: they would go on using the replaced ones."),
        )
    _check_triggers(connection, old, new)
    require_alterable(connection, [o.oid for o in old if o.type == "table"])


def _check_default_privileges(connection: Connection, staged: str) -> None:
    """Raise PublishError if the staged schema grants default privileges: only the final schema decides on them."""
    query = """
        SELECT DISTINCT pg_get_userbyid(d.defaclrole)
        FROM pg_default_acl d JOIN pg_namespace n ON n.oid = d.defaclnamespace WHERE n.nspname = %s ORDER BY 1
    """
    roles = [row[0] for row in connection.execute(query, [staged]).fetchall()]
    if roles:
        raise PublishError(
            _("Role {role} has default privileges in schema {staged}.", role=roles[0], staged=staged),
            detail=roles,
            remedy=_(
                "They would give others what they may not do in the final schema. Take them back (ALTER DEFAULT"
                " PRIVILEGES ... REVOKE), or let no migration give them, then run again."
            ),
        )


# A relation has a row type of its own name, unless it is an index or a sequence.
_CLASHES = """, names AS (
    SELECT 'pg_class'::regclass::oid AS classid, oid AS objid, relname AS name, relnamespace AS schema,
           relkind NOT IN ('i', 'I', 'S') AS is_type FROM pg_class
    UNION ALL
    SELECT 'pg_type'::regclass, oid, typname, typnamespace, true FROM pg_type WHERE typelem = 0 AND typrelid = 0
)
SELECT DISTINCT format('%%s has the name of %%s', pg_describe_object(o.classid, o.objid, 0),
                       pg_describe_object(n.classid, n.objid, 0))
FROM names o JOIN names n USING (name)
WHERE o.schema = (SELECT oid FROM pg_namespace WHERE nspname = %(final)s)
  AND n.schema = (SELECT oid FROM pg_namespace WHERE nspname = %(staged)s)
  AND (o.classid = n.classid OR (o.is_type AND n.is_type))
  AND NOT EXISTS (SELECT FROM members m WHERE (m.classid, m.objid) = (o.classid, o.objid))
ORDER BY 1
"""


def _check_owned(connection: Connection, old: Sequence[SchemaObject]) -> None:
    query = """
        SELECT oid::regclass::text FROM pg_class WHERE oid = ANY (%s::oid[]) AND NOT pg_has_role(relowner, 'USAGE')
        ORDER BY 1
    """
    relations = [o.oid for o in old if o.is_relation]
    foreign = [row[0] for row in connection.execute(query, [relations]).fetchall()]
    if foreign:
        raise PublishError(
            _(
                "Not all that would be replaced belongs to this role: {first}, {objects} in all.",
                first=foreign[0],
                objects=pluralize(len(foreign), "object", "objects"),
            ),
            detail=foreign,
            remedy=_(
                'Connect as their owner, or make this role a member of it: GRANT owner TO "{user}";',
                user=connection.info.user,
            ),
        )


_TRIGGERS = """
SELECT format('trigger %%s on %%s', g.tgname, g.tgrelid::regclass), g.tgrelid::bigint, g.tgname FROM pg_trigger g
WHERE g.tgrelid = ANY (%(oids)s::oid[]) AND NOT g.tgisinternal
UNION ALL
SELECT format('rule %%s on %%s', r.rulename, r.ev_class::regclass), r.ev_class::bigint, r.rulename FROM pg_rewrite r
WHERE r.ev_class = ANY (%(oids)s::oid[]) AND r.rulename <> '_RETURN'
"""


def _check_triggers(connection: Connection, old: Sequence[SchemaObject], new: Sequence[SchemaObject]) -> None:
    """Raise PublishError if a replaced table has triggers that no migration makes: the new one would lack them."""
    names = {o.oid: ".".join(o.names) for o in (*old, *new) if o.is_relation}
    rows = connection.execute(_TRIGGERS, {"oids": list(names)}).fetchall()
    replaced = {o.oid for o in old}
    made = {(names[oid], name) for __, oid, name in rows if oid not in replaced}
    unknown = sorted(label for label, oid, name in rows if oid in replaced and (names[oid], name) not in made)
    if unknown:
        raise PublishError(
            _("Tables that would be replaced have triggers or rules that the migrations do not make."),
            detail=unknown,
            remedy=_(
                "They would not be on the new tables. Drop them, and make them again afterwards if they are wanted."
            ),
        )
