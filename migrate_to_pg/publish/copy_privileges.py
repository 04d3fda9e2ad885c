"""Replaced objects and their successors in, the successors made like them out.

That is: owner, privileges and, of tables, comments, row security, replica identity, publications. Privileges are those
of what was replaced, exactly: what the server's default privileges gave to the new object beyond them is taken away.

A moved object does not get the final schema's default privileges by itself: one that replaces none is given them here.
Everything is asked for all objects at once, and done in one go: others wait for the tables meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from migrate_to_pg.postgres.objects import SchemaObject

Connection = psycopg.Connection[Any]
#: What is replaced, and what takes its place.
Pairs = Sequence[tuple[SchemaObject, SchemaObject]]

# Each query answers with statements, composed and quoted by PostgreSQL's own format().

#: A pair of objects of any of the three catalogues; a query begins with it.
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

# Asked while the old table is still in its place: what the expressions name, and the table itself, is then named as
# it will be when the new ones are there.
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

# The old table leaves the publication: a subscriber goes on with the one that the application writes to.
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

# What is granted on the new object is compared with what was granted on the old one, after the owner was changed.
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
-- What is taken from a table is taken from its columns as well: theirs is granted again.
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


def policies(connection: Connection, pairs: Pairs) -> list[str]:
    """The statements that give the new tables the policies of the old ones, for when they are in their places.

    Call it before anything is moved.
    """
    return _statements(connection, _POLICIES, pairs)


def copy_properties(connection: Connection, pairs: Pairs) -> None:
    """Give each new object what the old one has beyond what the migrations make."""
    tables = [(old, new) for old, new in pairs if old.type == "table"]
    _run(connection, _statements(connection, _COMMENTS_AND_SECURITY, tables))
    swap_publications(connection, tables)
    relations = [(old, new) for old, new in pairs if old.is_relation]
    routines = [(old, new) for old, new in pairs if old.is_routine]
    for some in (relations, routines):
        _run(connection, _statements(connection, _OWNERS, some))
        _run(connection, _statements(connection, _PRIVILEGES, some))


def swap_publications(connection: Connection, pairs: Pairs) -> None:
    """A subscriber goes on with the table that the application writes to."""
    _run(connection, _statements(connection, _PUBLICATIONS, pairs))


def give_defaults(connection: Connection, objects: Iterable[SchemaObject], *, schema: str, owner: str = "") -> None:
    """Grant what the schema's default privileges would have granted to something created in it, by ``owner``."""
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
    # Whatever is named in the statements is named with its schema.
    connection.execute("SET LOCAL search_path = pg_catalog")
    parameters = {"old": [old.oid for old, _new in pairs], "new": [new.oid for _old, new in pairs]}
    return [row[0] for row in connection.execute(query.replace("{given}", _GIVEN).encode(), parameters).fetchall()]


def _run(connection: Connection, statements: Sequence[str]) -> None:
    if statements:
        connection.execute("; ".join(statements).encode())
