"""A schema's name in, every object that lives in it out, by way of pg_depend; and the moving of one to another schema.

Indexes, constraints, owned sequences and row types follow their table and are not listed. Members of an extension are
never moved by themselves: the extension is, and takes them along.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import class_row

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaObject:
    """Something that ALTER ... SET SCHEMA can move."""

    class_oid: int
    oid: int
    #: As pg_identify_object names it: "table", "view", "function", "type" ...
    type: str
    #: Quoted, schema-qualified, as SQL takes it.
    identity: str
    #: Its name and its argument types without the schema: what would clash in another.
    names: list[str]
    arguments: list[str]

    @property
    def address(self) -> tuple[int, int]:
        """Return its catalogue and oid, which no move changes."""
        return self.class_oid, self.oid

    @property
    def label(self) -> str:
        """What a person calls it: table courses_course."""
        return f"{self.type} {'.'.join(self.names) or self.identity}"

    @property
    def is_relation(self) -> bool:
        """Whether it lives in pg_class."""
        return self.type in ("table", "view", "materialized view", "sequence", "foreign table")

    @property
    def is_routine(self) -> bool:
        """Whether it lives in pg_proc."""
        return self.type in ("function", "procedure", "aggregate")

    @property
    def place(self) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """Its kind and name within its schema: what has the same takes its place."""
        return self.type, tuple(self.names), tuple(self.arguments)


# Statistics objects and partitions depend on a table, too, but are not taken along by it. pg_identify_object_as_address
# gives a type's name in one piece, and those of operator classes and families behind their access method. A function
# that takes a type of the same schema succeeds the one that takes that type's predecessor.
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

#: pg_identify_object's words where ALTER's differ.
_ALTER = {"statistics object": "statistics", "composite type": "type"}


def objects_in(connection: Connection, schema: str) -> list[SchemaObject]:
    """Everything in a schema, what other objects are built on first."""
    with connection.cursor(row_factory=class_row(SchemaObject)) as cursor:
        return cursor.execute(_OBJECTS, [schema]).fetchall()


def move(connection: Connection, moved: Iterable[SchemaObject], schema: str) -> None:
    """ALTER ... SET SCHEMA, of all of them in one go: others may be waiting."""
    statements = [_altering(each, "SET SCHEMA", schema) for each in moved]
    if statements:
        connection.execute(sql.SQL("; ").join(statements))


def change_owner(connection: Connection, given: SchemaObject, owner: str) -> None:
    """ALTER ... OWNER TO, wherever it is now."""
    connection.execute(_altering(given, "OWNER TO", owner))


def _altering(altered: SchemaObject, action: LiteralString, name: str) -> sql.Composed:
    """Type and identity are PostgreSQL's own text, quoted by it."""
    kind = _ALTER.get(altered.type, altered.type).upper()
    return sql.SQL("ALTER {} {} {} {}").format(
        _trusted(kind), _trusted(altered.identity), sql.SQL(action), sql.Identifier(name)
    )


def _trusted(text: str) -> sql.SQL:
    """Text that PostgreSQL itself printed as SQL."""
    return sql.SQL(text)


def replaced_by(incoming: Iterable[SchemaObject], standing: Iterable[SchemaObject]) -> list[SchemaObject]:
    """Those of the final schema's objects whose places the incoming ones take."""
    places = {new.place for new in incoming}
    return [there for there in standing if there.place in places]


#: The group itself and its parts: indexes, owned sequences, row types, partitions. A query begins with it.
MEMBERS = """
WITH RECURSIVE members AS (
    SELECT * FROM unnest(%(classes)s::oid[], %(oids)s::oid[]) AS m (classid, objid)
    UNION
    SELECT d.classid, d.objid FROM members m JOIN pg_depend d ON (d.refclassid, d.refobjid) = (m.classid, m.objid)
    WHERE d.deptype IN ('a', 'i', 'P', 'S')
)
"""

# What depends on something is, more often than not, a part of something else: a rule is a part of its view, a default
# and a trigger of their table.
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
    """What outside the group depends on it, and would go on using it wherever it is moved."""
    return [row[0] for row in connection.execute((MEMBERS + _OUTSIDERS).encode(), members_of(group)).fetchall()]


def members_of(group: Iterable[SchemaObject]) -> dict[str, list[int]]:
    """The parameters of MEMBERS."""
    listed = list(group)
    return {"classes": [o.class_oid for o in listed], "oids": [o.oid for o in listed]}
