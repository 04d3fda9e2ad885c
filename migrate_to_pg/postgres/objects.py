"""List the objects of a schema by pg_depend, move them to another schema, and validate a schema's name.

Indexes, constraints, owned sequences and row types follow their table and are not listed. Members of an extension
cannot be moved themselves. They follow the extension.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from migrate_to_pg.errors import TargetError, UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import BOOKKEEPING, LEFTOVERS

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaObject:
    """Something that ALTER ... SET SCHEMA can move."""

    class_oid: int
    oid: int
    #: As pg_identify_object names it: "table", "view", "function", "type" ...
    type: str
    #: Quoted and schema-qualified, for use in SQL.
    identity: str
    #: Name and argument types without the schema. An object of the same type and names would clash.
    names: list[str]
    arguments: list[str]

    @property
    def address(self) -> tuple[int, int]:
        """Return its catalogue and oid, which no move changes."""
        return self.class_oid, self.oid

    @property
    def label(self) -> str:
        """Return its type and name, such as "table courses_course"."""
        return f"{self.type} {'.'.join(self.names) or self.identity}"

    @property
    def is_relation(self) -> bool:
        """Return whether pg_class has it."""
        return self.type in ("table", "view", "materialized view", "sequence", "foreign table")

    @property
    def is_routine(self) -> bool:
        """Return whether pg_proc has it."""
        return self.type in ("function", "procedure", "aggregate")

    @property
    def place(self) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """Return its type and name within its schema. An object with the same place replaces it."""
        return self.type, tuple(self.names), tuple(self.arguments)


# Statistics objects and partitions depend on a table but do not follow it. pg_identify_object_as_address returns a
# type's name in one piece, and names of operator classes and families behind their access method. A function with an
# argument of a type of the same schema replaces the function with the replaced type.
_OBJECTS = """
SELECT d.classid::bigint AS class_oid, d.objid::bigint AS oid, o.type, o.identity,
       CASE WHEN t.oid IS NOT NULL THEN ARRAY[t.typname::text]
            WHEN o.type IN ('operator class', 'operator family') THEN a.object_names[1:1] || a.object_names[3:]
            WHEN o.type = 'extension' THEN a.object_names
            ELSE a.object_names[2:] END AS names,
       ARRAY(SELECT CASE WHEN starts_with(u.name, quote_ident(s.nspname) || '.')
                         THEN substr(u.name, length(quote_ident(s.nspname)) + 2) ELSE u.name END
             FROM unnest(a.object_args) WITH ORDINALITY AS u (name, position) ORDER BY u.position) AS arguments
FROM pg_depend d JOIN pg_namespace s ON s.oid = d.refobjid
CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) o
CROSS JOIN LATERAL pg_identify_object_as_address(d.classid, d.objid, 0) a
LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
WHERE d.refclassid = 'pg_namespace'::regclass AND d.deptype = 'n' AND d.objsubid = 0
  AND s.nspname = %s
  AND o.type NOT IN ('default acl', 'publication namespace')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classid AND e.objid = d.objid
                  AND (e.deptype = 'e'
                       OR (e.deptype IN ('a', 'i') AND e.refclassid = 'pg_class'::regclass AND c.relkind = 'S')))
ORDER BY o.type = 'extension' DESC, o.type IN ('type', 'function') DESC, o.type, o.identity
"""

#: Types of pg_identify_object that ALTER names differently.
_ALTER = {"statistics object": "statistics", "composite type": "type"}


def objects_in(connection: Connection, schema: str) -> list[SchemaObject]:
    """Return all objects of a schema, those that others are built on first."""
    with connection.cursor(row_factory=class_row(SchemaObject)) as cursor:
        return cursor.execute(_OBJECTS, [schema]).fetchall()


def move(connection: Connection, moved: Iterable[SchemaObject], schema: str) -> None:
    """Move objects by ALTER ... SET SCHEMA, all in one query, because other sessions may be waiting."""
    statements = [_altering(each, "SET SCHEMA", schema) for each in moved]
    if statements:
        connection.execute(sql.SQL("; ").join(statements))


def change_owner(connection: Connection, given: SchemaObject, owner: str) -> None:
    """Change the owner of an object by ALTER ... OWNER TO."""
    connection.execute(_altering(given, "OWNER TO", owner))


def _altering(altered: SchemaObject, action: LiteralString, name: str) -> sql.Composed:
    # PostgreSQL printed type and identity as SQL.
    kind, identity = _ALTER.get(altered.type, altered.type).upper(), altered.identity
    return sql.SQL("ALTER {} {} {} {}").format(sql.SQL(kind), sql.SQL(identity), sql.SQL(action), sql.Identifier(name))


def replaced_by(incoming: Iterable[SchemaObject], existing: Iterable[SchemaObject]) -> list[SchemaObject]:
    """Return the existing objects that the incoming ones replace."""
    places = {new.place for new in incoming}
    return [old for old in existing if old.place in places]


#: Objects and their parts: indexes, owned sequences, row types, partitions. The beginning of a query.
MEMBERS = """
WITH RECURSIVE members AS (
    SELECT * FROM unnest(%(classes)s::oid[], %(oids)s::oid[]) AS m (classid, objid)
    UNION
    SELECT d.classid, d.objid FROM members m JOIN pg_depend d ON (d.refclassid, d.refobjid) = (m.classid, m.objid)
    WHERE d.deptype IN ('a', 'i', 'P', 'S')
)
"""

# A dependent object is mostly a part of another: a rule belongs to its view, a default and a trigger to their table.
_OUTSIDERS = """, users AS (
    SELECT d.*, coalesce(r.ev_class, f.adrelid, t.tgrelid, p.polrelid, nullif(k.conrelid, 0)) AS relation
    FROM members m JOIN pg_depend d ON (d.refclassid, d.refobjid) = (m.classid, m.objid)
    LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
    LEFT JOIN pg_trigger t ON d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
    LEFT JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
    LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
    WHERE d.deptype IN ('n', 'a') AND d.classid <> 'pg_publication_rel'::regclass
)
SELECT DISTINCT format('%%s depends on %%s',
    CASE WHEN u.classid = 'pg_rewrite'::regclass THEN pg_describe_object('pg_class'::regclass, u.relation, 0)
         ELSE pg_describe_object(u.classid, u.objid, u.objsubid) END,
    pg_describe_object(u.refclassid, u.refobjid, 0))
FROM users u
WHERE NOT EXISTS (SELECT FROM members m WHERE (m.classid, m.objid) = (u.classid, u.objid))
  AND NOT EXISTS (SELECT FROM members m WHERE (m.classid, m.objid) = ('pg_class'::regclass, u.relation))
ORDER BY 1
"""


def external_dependents(connection: Connection, group: Iterable[SchemaObject]) -> list[str]:
    """Describe the objects outside the group that depend on it, and would still use it after a move."""
    return [row[0] for row in connection.execute((MEMBERS + _OUTSIDERS).encode(), members_of(group)).fetchall()]


def members_of(group: Iterable[SchemaObject]) -> dict[str, list[int]]:
    """Return the parameters of MEMBERS."""
    listed = list(group)
    return {"classes": [o.class_oid for o in listed], "oids": [o.oid for o in listed]}


#: Prefix of the schema's comment. The addresses of its objects follow.
_KEPT = "migrate_to_pg: kept with "


def note_contents(connection: Connection, schema: str) -> None:
    """Record in the schema's comment which objects it has now, so that the next run drops nothing else with it."""
    text = _KEPT + json.dumps([found.address for found in objects_in(connection, schema)])
    connection.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(schema), sql.Literal(text)))


def require_noted_contents(connection: Connection, schema: str) -> None:
    """Raise TargetError if objects were added to a kept schema. A schema without such a comment is not checked."""
    query = "SELECT obj_description(to_regnamespace(quote_ident(%s)), 'pg_namespace')"
    row = connection.execute(query, [schema]).fetchone()
    noted = (row[0] if row else None) or ""
    if not noted.startswith(_KEPT):
        return
    known = set(map(tuple, json.loads(noted.removeprefix(_KEPT))))
    added = [found.label for found in objects_in(connection, schema) if found.address not in known]
    if added:
        raise TargetError(
            _("Schema {name} is to be dropped, and holds what no run put there: {first}.", name=schema, first=added[0]),
            detail=added,
            remedy=_("Move these to another schema (ALTER ... SET SCHEMA), or drop them, then run again."),
        )


#: PostgreSQL truncates a longer name without an error.
_MAX_NAME_BYTES = 63


def validate_schema_name(name: str) -> str:
    """Return the name. Raise UsageError if PostgreSQL or this tool reserves it, or no schema can have it."""
    if name.startswith("pg_") or name == "information_schema":
        raise UsageError(
            _("--publish-to {name}: PostgreSQL keeps that schema for itself.", name=name), remedy=_remedy()
        )
    if name in (BOOKKEEPING, LEFTOVERS) or name.startswith(f"{BOOKKEEPING}_"):
        raise UsageError(_("--publish-to {name}: this command works in that schema.", name=name), remedy=_remedy())
    if not name.strip() or "\0" in name or len(name.encode()) > _MAX_NAME_BYTES:
        raise UsageError(
            _("--publish-to {name!r} can be no schema's name: it is empty, or longer than 63 bytes.", name=name),
            remedy=_remedy(),
        )
    return name


def _remedy() -> str:
    return _("Name a schema of your own, as it is spelled in PostgreSQL and without quotes; the default is public.")
