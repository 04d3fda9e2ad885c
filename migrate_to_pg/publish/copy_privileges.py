"""Copy owner, privileges and other properties from replaced objects to their successors.

Tables also get comments, row security, replica identity and publications. A successor has exactly the privileges of the
replaced object. Those that the server's default privileges granted beyond them are revoked.

Moving an object into the final schema does not apply that schema's default privileges. Objects that replace none get
them here. Each query covers all objects and its statements run as one, because other sessions wait for the tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from migrate_to_pg.postgres.objects import SchemaObject

Connection = psycopg.Connection[Any]
#: Replaced objects, each with its successor.
Pairs = Sequence[tuple[SchemaObject, SchemaObject]]

# Each query returns statements that PostgreSQL's format() composes and quotes.

#: The pairs, as the beginning of each query.
_GIVEN = "WITH given AS (SELECT * FROM unnest(%(old)s::oid[], %(new)s::oid[]) AS g (old, new))"

_COMMENTS_AND_SECURITY = """{given}
SELECT format('COMMENT ON TABLE %%s IS %%L', new::regclass, obj_description(old, 'pg_class')) FROM given
WHERE obj_description(old, 'pg_class') IS NOT NULL AND obj_description(new, 'pg_class') IS NULL
UNION ALL
SELECT format('COMMENT ON COLUMN %%s.%%I IS %%L', new::regclass, n.attname, col_description(old, o.attnum))
FROM given JOIN pg_attribute o ON o.attrelid = old AND o.attnum > 0 AND NOT o.attisdropped
JOIN pg_attribute n ON n.attrelid = new AND n.attname = o.attname AND NOT n.attisdropped
WHERE col_description(old, o.attnum) IS NOT NULL AND col_description(new, n.attnum) IS NULL
UNION ALL
SELECT format('ALTER TABLE %%s ENABLE ROW LEVEL SECURITY', new::regclass)
FROM given JOIN pg_class o ON o.oid = old WHERE o.relrowsecurity
UNION ALL
SELECT format('ALTER TABLE %%s FORCE ROW LEVEL SECURITY', new::regclass)
FROM given JOIN pg_class o ON o.oid = old WHERE o.relforcerowsecurity
UNION ALL
SELECT format('ALTER TABLE %%s REPLICA IDENTITY %%s', new::regclass,
              CASE o.relreplident WHEN 'f' THEN 'FULL' ELSE 'NOTHING' END)
FROM given JOIN pg_class o ON o.oid = old JOIN pg_class n ON n.oid = new
WHERE o.relreplident IN ('f', 'n') AND n.relreplident = 'd'
"""

# This runs while the old table is in its place. The table and the names in the expressions then have the schema that
# they will have for the new table.
_POLICIES = """{given}
SELECT format('CREATE POLICY %%I ON %%s AS %%s FOR %%s TO %%s%%s%%s', p.polname, p.polrelid::regclass,
              CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
              CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                            WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
              (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', ')
               FROM unnest(p.polroles) r),
              ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
              ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
FROM given JOIN pg_policy p ON p.polrelid = given.old
WHERE NOT EXISTS (SELECT FROM pg_policy n WHERE n.polrelid = given.new AND n.polname = p.polname)
"""

# The old table leaves the publication, so that subscribers follow the table that the application writes to.
_PUBLICATIONS = """{given}
SELECT format('ALTER PUBLICATION %%I DROP TABLE %%s; ALTER PUBLICATION %%I ADD TABLE %%s',
              p.pubname, old::regclass, p.pubname, new::regclass)
FROM given JOIN pg_publication_rel r ON r.prrelid = old JOIN pg_publication p ON p.oid = r.prpubid
"""

# The sequence of a column follows its table.
_OWNERS = """{given}
SELECT format('ALTER TABLE %%s OWNER TO %%I', new::regclass, pg_get_userbyid(o.relowner))
FROM given JOIN pg_class o ON o.oid = old JOIN pg_class n ON n.oid = new WHERE o.relowner <> n.relowner
UNION ALL
SELECT format('ALTER ROUTINE %%s OWNER TO %%I', new::regprocedure, pg_get_userbyid(o.proowner))
FROM given JOIN pg_proc o ON o.oid = old JOIN pg_proc n ON n.oid = new WHERE o.proowner <> n.proowner
"""

# Compares the grants on the new object with those on the old one. This runs after the owner was changed.
_PRIVILEGES = """{given}, owned AS (
    SELECT d.objid, d.refobjid, a.attname FROM pg_depend d
    JOIN pg_attribute a ON (a.attrelid, a.attnum) = (d.refobjid, d.refobjsubid)
    JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    WHERE d.deptype IN ('a', 'i') AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
), relation AS (
    SELECT old, new FROM given
    UNION
    SELECT o.objid, n.objid FROM given JOIN owned o ON o.refobjid = old JOIN owned n ON n.refobjid = new
    WHERE o.attname = n.attname
), thing (place, "column", was, now) AS (
    SELECT format('%%s %%s', CASE n.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, new::regclass), '',
           coalesce(o.relacl, acldefault(k.kind, o.relowner)), coalesce(n.relacl, acldefault(k.kind, n.relowner))
    FROM relation JOIN pg_class o ON o.oid = old JOIN pg_class n ON n.oid = new
    CROSS JOIN LATERAL (SELECT CASE n.relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END AS kind) k
    UNION ALL
    SELECT format('TABLE %%s', new::regclass), format(' (%%I)', n.attname), o.attacl, n.attacl
    FROM given JOIN pg_attribute o ON o.attrelid = old JOIN pg_attribute n ON n.attrelid = new
    WHERE o.attname = n.attname AND NOT o.attisdropped AND (o.attacl IS NOT NULL OR n.attacl IS NOT NULL)
    UNION ALL
    SELECT format('ROUTINE %%s', new::regprocedure), '',
           coalesce(o.proacl, acldefault('f', o.proowner)), coalesce(n.proacl, acldefault('f', n.proowner))
    FROM given JOIN pg_proc o ON o.oid = old JOIN pg_proc n ON n.oid = new
), was AS (
    SELECT place, "column", privilege_type, grantee, bool_or(is_grantable) AS grantable
    FROM thing CROSS JOIN LATERAL aclexplode(thing.was) GROUP BY 1, 2, 3, 4
), now AS (
    SELECT place, "column", privilege_type, grantee, bool_or(is_grantable) AS grantable
    FROM thing CROSS JOIN LATERAL aclexplode(thing.now) GROUP BY 1, 2, 3, 4
)
SELECT CASE
    WHEN was.grantable IS NULL THEN
        format('REVOKE %%s%%s ON %%s FROM %%s CASCADE', privilege_type, "column", place, role)
    WHEN now.grantable AND NOT was.grantable THEN
        format('REVOKE GRANT OPTION FOR %%s%%s ON %%s FROM %%s CASCADE', privilege_type, "column", place, role)
    ELSE format('GRANT %%s%%s ON %%s TO %%s%%s', privilege_type, "column", place, role,
                CASE WHEN was.grantable THEN ' WITH GRANT OPTION' ELSE '' END) END
FROM was FULL JOIN now USING (place, "column", privilege_type, grantee)
CROSS JOIN LATERAL (SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS role) g
-- REVOKE on a table also revokes from its columns, so the privileges of columns are granted again.
WHERE was.grantable IS DISTINCT FROM now.grantable OR ("column" <> '' AND was.grantable IS NOT NULL)
ORDER BY was.grantable IS NOT NULL, place
"""

_DEFAULTS = """
WITH thing AS (
    SELECT oid, relowner AS owner, CASE relkind WHEN 'S' THEN 'S'::"char" ELSE 'r' END AS kind,
           format('%%s %%s', CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, oid::regclass) AS place
    FROM pg_class WHERE oid = ANY (%(relations)s::oid[]) OR (relkind = 'S' AND oid IN (
        SELECT objid FROM pg_depend WHERE refobjid = ANY (%(relations)s::oid[]) AND deptype IN ('a', 'i')
        AND classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass))
    UNION ALL
    SELECT oid, proowner, 'f', format('ROUTINE %%s', oid::regprocedure)
    FROM pg_proc WHERE oid = ANY (%(routines)s::oid[])
)
SELECT format('GRANT %%s ON %%s TO %%s%%s', x.privilege_type, place,
              CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
              CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM thing JOIN pg_default_acl d ON d.defaclobjtype = thing.kind
  AND d.defaclnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
  AND d.defaclrole = coalesce((SELECT oid FROM pg_roles WHERE rolname = %(owner)s), thing.owner)
CROSS JOIN LATERAL aclexplode(d.defaclacl) x
WHERE x.grantee NOT IN (thing.owner, d.defaclrole)
"""


def policy_statements(connection: Connection, pairs: Pairs) -> list[str]:
    """Return statements that create the policies of the old tables on the new ones.

    Call it before anything is moved. Execute the statements after the move.
    """
    return _statements(connection, _POLICIES, pairs)


def copy_properties(connection: Connection, pairs: Pairs) -> None:
    """Give each new object the properties of the old one that migrations do not make."""
    tables = [(old, new) for old, new in pairs if old.type == "table"]
    _run(connection, _statements(connection, _COMMENTS_AND_SECURITY, tables))
    swap_publications(connection, tables)
    relations = [(old, new) for old, new in pairs if old.is_relation]
    routines = [(old, new) for old, new in pairs if old.is_routine]
    for some in (relations, routines):
        _run(connection, _statements(connection, _OWNERS, some))
        _run(connection, _statements(connection, _PRIVILEGES, some))


def swap_publications(connection: Connection, pairs: Pairs) -> None:
    """Replace the old tables by the new ones in each publication of logical replication."""
    _run(connection, _statements(connection, _PUBLICATIONS, pairs))


def apply_default_privileges(
    connection: Connection, objects: Iterable[SchemaObject], *, schema: str, owner: str
) -> None:
    """Grant the default privileges that the schema has for objects that ``owner`` creates in it."""
    listed = list(objects)
    parameters = {
        "relations": [o.oid for o in listed if o.is_relation],
        "routines": [o.oid for o in listed if o.is_routine],
        "schema": schema,
        "owner": owner,
    }
    _run(connection, [row[0] for row in connection.execute(_DEFAULTS.encode(), parameters).fetchall()])


def _statements(connection: Connection, query: str, pairs: Pairs) -> list[str]:
    if not pairs:
        return []
    # With this search path PostgreSQL prints every name with its schema.
    connection.execute("SET LOCAL search_path = pg_catalog")
    parameters = {"old": [old.oid for old, _new in pairs], "new": [new.oid for _old, new in pairs]}
    return [row[0] for row in connection.execute(query.replace("{given}", _GIVEN).encode(), parameters).fetchall()]


def _run(connection: Connection, statements: Sequence[str]) -> None:
    if statements:
        connection.execute("; ".join(statements).encode())
