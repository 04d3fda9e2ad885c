"""Detect changes to the objects of a schema by its catalogue, and rows that this session wrote.

The functions accept Django's and psycopg's cursors.
"""

from __future__ import annotations

from typing import Any

from migrate_to_pg.i18n import gettext as _

Fact = tuple[str, int, str, str]

_CATALOGUE = """
WITH relation AS (
    SELECT * FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
)
SELECT 'relation', oid::bigint, relname || ' ' || relkind::text,
       concat_ws(' ', relacl::text, relowner, relrowsecurity, relforcerowsecurity, relpersistence) FROM relation
UNION ALL
SELECT 'column', a.attrelid::bigint, c.relname || '.' || a.attname,
       concat_ws(' ', a.atttypid, a.atttypmod, a.attnotnull, a.attisdropped, a.attacl::text)
FROM pg_attribute a JOIN relation c ON c.oid = a.attrelid WHERE a.attnum > 0
UNION ALL
SELECT 'default of', d.adrelid::bigint, c.relname, md5(d.adbin::text)
FROM pg_attrdef d JOIN relation c ON c.oid = d.adrelid
UNION ALL
SELECT 'constraint', k.oid::bigint, k.conname,
       concat_ws(' ', k.conkey::text, k.confrelid, k.confkey::text, k.condeferrable, k.convalidated,
                 md5(k.conbin::text))
FROM pg_constraint k
JOIN relation c ON c.oid = k.conrelid
UNION ALL
SELECT 'trigger', g.oid::bigint, c.relname || '.' || g.tgname, g.tgenabled::text FROM pg_trigger g
JOIN relation c ON c.oid = g.tgrelid
UNION ALL
SELECT 'rule', r.oid::bigint, c.relname || '.' || r.rulename, md5(r.ev_action::text) FROM pg_rewrite r
JOIN relation c ON c.oid = r.ev_class
UNION ALL
SELECT 'policy', p.oid::bigint, c.relname || '.' || p.polname, '' FROM pg_policy p
JOIN relation c ON c.oid = p.polrelid
UNION ALL
SELECT 'function', p.oid::bigint, p.proname, md5(concat(p.prosrc, p.proconfig::text, p.proacl::text)) FROM pg_proc p
WHERE p.pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
UNION ALL
SELECT 'type', t.oid::bigint, t.typname, '' FROM pg_type t
WHERE t.typnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
"""

# Rows written by this session that the shared statistics do not have yet.
_WRITTEN = """
SELECT relname FROM pg_stat_xact_all_tables
WHERE schemaname = %(schema)s AND n_tup_ins + n_tup_upd + n_tup_del > 0 ORDER BY 1
"""


def read_catalogue(cursor: Any, schema: str) -> set[Fact]:
    """Return all facts of the catalogue about the schema's objects."""
    cursor.execute(_CATALOGUE, {"schema": schema})
    return set(cursor.fetchall())


def tables_written(cursor: Any, schema: str) -> list[str]:
    """Describe the tables of the schema to which this session has just written rows."""
    cursor.execute(_WRITTEN, {"schema": schema})
    return [_("rows of {name}", name=name) for (name,) in cursor.fetchall()]


def changed_objects(before: set[Fact], after: set[Fact]) -> list[str]:
    """Describe the objects whose facts differ."""
    return sorted({f"{kind} {name}" for kind, _, name, _ in before ^ after})
