"""A replaced table and its successor in, the successor made like it out.

That is: owner, grants, comments, row security, replica identity, publications. For views and sequences: owner, grants.

A moved table does not get the final schema's default privileges by itself: a table that replaces none is given them
here.
"""

from __future__ import annotations

from typing import Any

import psycopg

Connection = psycopg.Connection[Any]

# Each query answers with statements, composed and quoted by PostgreSQL's own format().

_OWNER = """
SELECT format('ALTER TABLE %%s OWNER TO %%I', %(new)s::oid::regclass, pg_get_userbyid(o.relowner))
FROM pg_class o JOIN pg_class n ON n.oid = %(new)s
WHERE o.oid = %(old)s AND o.relowner <> n.relowner
"""

_GRANTS = """
SELECT format('GRANT %%s ON %%s TO %%s%%s', x.privilege_type, %(new)s::oid::regclass,
              CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
              CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_class o CROSS JOIN LATERAL aclexplode(o.relacl) x
WHERE o.oid = %(old)s AND x.grantee <> o.relowner
UNION ALL
SELECT format('GRANT %%s (%%I) ON %%s TO %%s%%s', x.privilege_type, a.attname, %(new)s::oid::regclass,
              CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
              CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_attribute a CROSS JOIN LATERAL aclexplode(a.attacl) x
WHERE a.attrelid = %(old)s AND NOT a.attisdropped
  AND EXISTS (SELECT FROM pg_attribute n WHERE n.attrelid = %(new)s AND n.attname = a.attname)
"""

_SEQUENCES = """
SELECT o.seqrelid::bigint, n.seqrelid::bigint
FROM (SELECT a.attname, d.objid AS seqrelid FROM pg_depend d JOIN pg_attribute a
      ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
      WHERE d.refobjid = %(old)s AND d.deptype IN ('a', 'i') AND d.classid = 'pg_class'::regclass) o
JOIN (SELECT a.attname, d.objid AS seqrelid FROM pg_depend d JOIN pg_attribute a
      ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
      WHERE d.refobjid = %(new)s AND d.deptype IN ('a', 'i') AND d.classid = 'pg_class'::regclass) n USING (attname)
"""

_SEQUENCE_GRANTS = """
SELECT format('GRANT %%s ON SEQUENCE %%s TO %%s%%s', x.privilege_type, %(new)s::oid::regclass,
              CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
              CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_class o CROSS JOIN LATERAL aclexplode(o.relacl) x
WHERE o.oid = %(old)s AND x.grantee <> o.relowner
"""

_COMMENTS = """
SELECT format('COMMENT ON TABLE %%s IS %%L', %(new)s::oid::regclass, obj_description(%(old)s, 'pg_class'))
WHERE obj_description(%(old)s, 'pg_class') IS NOT NULL AND obj_description(%(new)s, 'pg_class') IS NULL
UNION ALL
SELECT format('COMMENT ON COLUMN %%s.%%I IS %%L', %(new)s::oid::regclass, n.attname, col_description(%(old)s, o.attnum))
FROM pg_attribute o JOIN pg_attribute n ON n.attrelid = %(new)s AND n.attname = o.attname AND NOT n.attisdropped
WHERE o.attrelid = %(old)s AND o.attnum > 0 AND NOT o.attisdropped
  AND col_description(%(old)s, o.attnum) IS NOT NULL AND col_description(%(new)s, n.attnum) IS NULL
"""

_ROW_SECURITY = """
SELECT format('ALTER TABLE %%s ENABLE ROW LEVEL SECURITY', %(new)s::oid::regclass)
FROM pg_class WHERE oid = %(old)s AND relrowsecurity
UNION ALL
SELECT format('ALTER TABLE %%s FORCE ROW LEVEL SECURITY', %(new)s::oid::regclass)
FROM pg_class WHERE oid = %(old)s AND relforcerowsecurity
UNION ALL
SELECT format('ALTER TABLE %%s REPLICA IDENTITY %%s', %(new)s::oid::regclass,
              CASE o.relreplident WHEN 'f' THEN 'FULL' ELSE 'NOTHING' END)
FROM pg_class o JOIN pg_class n ON n.oid = %(new)s
WHERE o.oid = %(old)s AND o.relreplident IN ('f', 'n') AND n.relreplident = 'd'
"""

# Asked while the old table is still in its place: what the expressions name, and the table itself, is then named as
# it will be when the new ones are there.
_POLICIES = """
SELECT format('CREATE POLICY %%I ON %%s AS %%s FOR %%s TO %%s%%s%%s', p.polname, p.polrelid::regclass,
              CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
              CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                            WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
              (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', ')
               FROM unnest(p.polroles) r),
              ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
              ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
FROM pg_policy p WHERE p.polrelid = %(old)s
  AND NOT EXISTS (SELECT FROM pg_policy n WHERE n.polrelid = %(new)s AND n.polname = p.polname)
"""

# The old table leaves the publication: a subscriber goes on with the one that the application writes to.
_PUBLICATIONS = """
SELECT format('ALTER PUBLICATION %%I DROP TABLE %%s', p.pubname, %(old)s::oid::regclass)
FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = %(old)s
UNION ALL
SELECT format('ALTER PUBLICATION %%I ADD TABLE %%s', p.pubname, %(new)s::oid::regclass)
FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = %(old)s
"""

_DEFAULTS = """
SELECT format('GRANT %%s ON %%s %%s TO %%s%%s', x.privilege_type,
              CASE d.defaclobjtype WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass,
              CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
              CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_class c
JOIN pg_default_acl d ON d.defaclnamespace = %(schema)s::regnamespace
  AND d.defaclrole = coalesce((SELECT oid FROM pg_roles WHERE rolname = %(owner)s), c.relowner)
  AND d.defaclobjtype = CASE c.relkind WHEN 'S' THEN 'S' ELSE 'r' END
CROSS JOIN LATERAL aclexplode(d.defaclacl) x
WHERE x.grantee NOT IN (c.relowner, d.defaclrole) AND (c.oid = %(new)s OR (c.relkind = 'S' AND EXISTS (
    SELECT FROM pg_depend s WHERE s.objid = c.oid AND s.refobjid = %(new)s AND s.deptype IN ('a', 'i'))))
"""

_ROUTINE_DEFAULTS = """
SELECT format('GRANT %%s ON ROUTINE %%s TO %%s%%s', x.privilege_type, p.oid::regprocedure,
              CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
              CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_proc p
JOIN pg_default_acl d ON d.defaclnamespace = %(schema)s::regnamespace
  AND d.defaclrole = coalesce((SELECT oid FROM pg_roles WHERE rolname = %(owner)s), p.proowner)
  AND d.defaclobjtype = 'f'
CROSS JOIN LATERAL aclexplode(d.defaclacl) x
WHERE x.grantee NOT IN (p.proowner, d.defaclrole) AND p.oid = %(new)s
"""


def policies(connection: Connection, *, old: int, new: int) -> list[str]:
    """The statements that give ``new`` the policies of ``old``, for when it is in its place; call it before moving."""
    connection.execute("SET LOCAL search_path = pg_catalog")
    return [row[0] for row in connection.execute(_POLICIES.encode(), {"old": old, "new": new}).fetchall()]


def make_like(connection: Connection, kind: str, *, old: int, new: int) -> None:
    """Give ``new`` what ``old`` has beyond its columns; both are pg_class oids of the given kind of relation."""
    if kind == "sequence":
        _run(connection, _SEQUENCE_GRANTS, old=old, new=new)
    else:
        _run(connection, _GRANTS, old=old, new=new)
    if kind == "table":
        for query in (_COMMENTS, _ROW_SECURITY):
            _run(connection, query, old=old, new=new)
        swap_publications(connection, old=old, new=new)
        for old_sequence, new_sequence in connection.execute(_SEQUENCES, {"old": old, "new": new}).fetchall():
            _run(connection, _SEQUENCE_GRANTS, old=old_sequence, new=new_sequence)
    # Last: what comes before it is done as the owner we are now.
    _run(connection, _OWNER, old=old, new=new)


def swap_publications(connection: Connection, *, old: int, new: int) -> None:
    """A subscriber goes on with the table that the application writes to."""
    _run(connection, _PUBLICATIONS, old=old, new=new)


def give_defaults(connection: Connection, *, new: int, schema: str, owner: str = "", routine: bool = False) -> None:
    """Grant what the schema's default privileges would have granted to something created in it, by ``owner``."""
    query = _ROUTINE_DEFAULTS if routine else _DEFAULTS
    _run(connection, query, new=new, owner=owner, schema='"' + schema.replace('"', '""') + '"')


def _run(connection: Connection, query: str, **parameters: int | str) -> None:
    statements = connection.execute(query.encode(), parameters).fetchall()
    for (statement,) in statements:
        connection.execute(statement.encode())
