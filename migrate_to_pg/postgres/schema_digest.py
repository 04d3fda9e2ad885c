"""Describe each object of a schema in one line, so that two schemas can be compared, and detect changes to a schema.

The lines come from pg_get_*def and the catalogue, without the schema's name and without oids. So two schemas that the
same migrations made have the same lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.i18n import gettext as _

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ObjectDefinition:
    """One object of a schema."""

    #: "table", "column", "constraint", "index", "trigger", "sequence", "view", "function", "type" ...
    kind: str
    #: Its name, after the table's name if it belongs to a table.
    name: str
    #: All its properties.
    definition: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


_OBJECTS = """
WITH relation AS (
    SELECT c.*, quote_ident(c.relname) AS name,
           concat('of ', quote_ident(pg_get_userbyid(c.relowner)), ' privileges: ' || c.relacl::text) AS access
    FROM pg_class c
    WHERE c.relnamespace = to_regnamespace(%(schema)s) AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
), described AS (
    SELECT 'table' AS kind, name, concat_ws(' ', relkind, relpersistence, 'rows secured:', relrowsecurity,
           relforcerowsecurity, 'replica identity:', relreplident, array_to_string(reloptions, ','),
           pg_get_partkeydef(oid), pg_get_expr(relpartbound, oid), access,
           (SELECT 'published by ' || string_agg(p.pubname, ',' ORDER BY p.pubname)
            FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = relation.oid),
           (SELECT 'inherited by ' || string_agg(h.inhrelid::regclass::text, ',' ORDER BY h.inhrelid::regclass::text)
            FROM pg_inherits h WHERE h.inhparent = relation.oid),
           obj_description(oid, 'pg_class')) AS definition
    FROM relation WHERE relkind IN ('r', 'p', 'f', 'c')
    UNION ALL
    SELECT 'view', name, concat_ws(' ', relkind, array_to_string(reloptions, ','), pg_get_viewdef(oid), access)
    FROM relation WHERE relkind IN ('v', 'm')
    UNION ALL
    SELECT 'column', c.name || '.' || quote_ident(a.attname),
           concat_ws(' ', row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum),
                     format_type(a.atttypid, a.atttypmod),
                     'collated ' || nullif(a.attcollation, t.typcollation)::regcollation::text,
                     CASE WHEN a.attnotnull THEN 'not null' END,
                     CASE a.attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity by default' END,
                     CASE a.attgenerated WHEN 's' THEN 'generated stored' WHEN 'v' THEN 'generated virtual' END,
                     'default ' || pg_get_expr(d.adbin, d.adrelid),
                     'storage ' || nullif(a.attstorage, t.typstorage)::text,
                     'compression ' || nullif(a.attcompression, '')::text,
                     'statistics ' || nullif(a.attstattarget, -1), 'options ' || a.attoptions::text,
                     'privileges: ' || a.attacl::text, col_description(c.oid, a.attnum))
    FROM relation c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relkind <> 'S'
    UNION ALL
    SELECT 'constraint', c.name || '.' || quote_ident(k.conname),
           concat_ws(' ', pg_get_constraintdef(k.oid), CASE WHEN k.convalidated THEN 'valid' ELSE 'not valid' END,
                     obj_description(k.oid, 'pg_constraint'))
    -- From version 18 on NOT NULL is a constraint as well. It is described with its column.
    FROM relation c JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype <> 'n'
    UNION ALL
    SELECT 'index', c.name || '.' || quote_ident(x.relname),
           concat_ws(' ', pg_get_indexdef(x.oid), CASE WHEN i.indisvalid THEN 'valid' ELSE 'not valid' END,
                     CASE WHEN i.indisclustered THEN 'clustered' END,
                     CASE WHEN i.indisreplident THEN 'replica identity' END,
                     obj_description(x.oid, 'pg_class'))
    FROM relation c JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid
    UNION ALL
    SELECT 'trigger', c.name || '.' || quote_ident(g.tgname),
           concat_ws(' ', pg_get_triggerdef(g.oid, true), g.tgenabled)
    FROM relation c JOIN pg_trigger g ON g.tgrelid = c.oid AND NOT g.tgisinternal
    UNION ALL
    -- The names of foreign keys' triggers vary. They are described only if they are not enabled as usual.
    SELECT 'trigger', c.name || '.' || quote_ident(k.conname), string_agg(g.tgenabled::text, '' ORDER BY g.tgtype)
    FROM relation c JOIN pg_trigger g ON g.tgrelid = c.oid AND g.tgisinternal
    JOIN pg_constraint k ON k.oid = g.tgconstraint
    WHERE g.tgenabled <> 'O' GROUP BY 2
    UNION ALL
    SELECT 'rule', c.name || '.' || quote_ident(r.rulename), concat_ws(' ', pg_get_ruledef(r.oid, true), r.ev_enabled)
    FROM relation c JOIN pg_rewrite r ON r.ev_class = c.oid AND r.rulename <> '_RETURN'
    UNION ALL
    SELECT 'policy', c.name || '.' || quote_ident(p.polname),
           concat_ws(' ', p.polcmd, p.polpermissive, p.polroles::regrole[]::text, pg_get_expr(p.polqual, p.polrelid),
                     pg_get_expr(p.polwithcheck, p.polrelid))
    FROM relation c JOIN pg_policy p ON p.polrelid = c.oid
    UNION ALL
    SELECT 'sequence', c.name,
           concat_ws(' ', s.seqtypid::regtype, 'from', s.seqstart, 'by', s.seqincrement, 'between', s.seqmin, s.seqmax,
                     'cache', s.seqcache, CASE WHEN s.seqcycle THEN 'cycle' END,
                     'of ' || d.refobjid::regclass::text || '.' || a.attname, c.access)
    FROM relation c JOIN pg_sequence s ON s.seqrelid = c.oid
    LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
                         AND d.refclassid = 'pg_class'::regclass
    LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    UNION ALL
    SELECT 'function', p.oid::regprocedure::text,
           concat_ws(' ', CASE WHEN p.prokind = 'a' THEN 'aggregate' ELSE pg_get_functiondef(p.oid) END,
                     'of ' || quote_ident(pg_get_userbyid(p.proowner)), 'privileges: ' || p.proacl::text)
    FROM pg_proc p WHERE p.pronamespace = to_regnamespace(%(schema)s)
    UNION ALL
    SELECT 'type', t.oid::regtype::text,
           concat_ws(' ', t.typtype, format_type(nullif(t.typbasetype, 0), t.typtypmod), t.typnotnull, t.typdefault,
                     (SELECT string_agg(quote_literal(e.enumlabel), ',' ORDER BY e.enumsortorder)
                      FROM pg_enum e WHERE e.enumtypid = t.oid),
                     (SELECT string_agg(pg_get_constraintdef(k.oid), ',' ORDER BY k.conname)
                      FROM pg_constraint k WHERE k.contypid = t.oid),
                     'of ' || quote_ident(pg_get_userbyid(t.typowner)), 'privileges: ' || t.typacl::text)
    FROM pg_type t WHERE t.typnamespace = to_regnamespace(%(schema)s) AND t.typtype IN ('d', 'e', 'r')
    UNION ALL
    SELECT 'statistics', quote_ident(s.stxname), pg_get_statisticsobjdef(s.oid)
    FROM pg_statistic_ext s WHERE s.stxnamespace = to_regnamespace(%(schema)s)
)
SELECT kind, name, replace(definition, %(schema)s || '.', '') FROM described
"""


def read_definitions(connection: Connection, schema: str) -> frozenset[ObjectDefinition]:
    """Return all objects of the schema: tables with columns, constraints, indexes and triggers, and all others."""
    quoted = sql.Identifier(schema)
    with connection.transaction(force_rollback=True):  # only the search path is set
        # PostgreSQL prints names on the search path without their schema.
        connection.execute(sql.SQL("SET LOCAL search_path = {}").format(quoted))
        rows = connection.execute(_OBJECTS.encode(), {"schema": quoted.as_string(connection)}).fetchall()
    return frozenset(ObjectDefinition(kind=kind, name=name, definition=definition) for kind, name, definition in rows)


def definition_differences(wanted: frozenset[ObjectDefinition], there: frozenset[ObjectDefinition]) -> list[str]:
    """Describe each object that is missing, unexpected or different: 'index a.b is missing'."""
    found = {(item.kind, item.name): item.definition for item in there}
    right = {(item.kind, item.name): item.definition for item in wanted}
    lines = [
        _("{kind} {name} is missing: {right}", kind=kind, name=name, right=right[kind, name])
        for kind, name in right.keys() - found.keys()
    ]
    lines += [
        _("{kind} {name} is not wanted: {found}", kind=kind, name=name, found=found[kind, name])
        for kind, name in found.keys() - right.keys()
    ]
    lines += [
        _(
            "{kind} {name} is {found!r} instead of {right!r}",
            kind=kind,
            name=name,
            found=found[kind, name],
            right=right[kind, name],
        )
        for kind, name in right.keys() & found.keys()
        if right[kind, name] != found[kind, name]
    ]
    return sorted(lines)


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
    """Return all facts of the catalogue about the schema's objects. The cursor may be Django's or psycopg's."""
    cursor.execute(_CATALOGUE, {"schema": schema})
    return set(cursor.fetchall())


def tables_written(cursor: Any, schema: str) -> list[str]:
    """Describe the tables of the schema to which this session has just written rows."""
    cursor.execute(_WRITTEN, {"schema": schema})
    return [_("rows of {name}", name=name) for (name,) in cursor.fetchall()]


def changed_objects(before: set[Fact], after: set[Fact]) -> list[str]:
    """Describe the objects whose facts differ."""
    return sorted({f"{kind} {name}" for kind, _, name, _ in before ^ after})
