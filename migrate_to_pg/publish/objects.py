"""A schema's name in, every object that lives in it out, by way of pg_depend; and the moving of one to another schema.

Indexes, constraints, owned sequences and row types follow their table and are not listed. Members of an extension are
never moved by themselves: the extension is, and takes them along.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

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
    #: Its name without the schema, and its argument types: what would clash in another schema.
    names: list[str]
    arguments: list[str]

    @property
    def label(self) -> str:
        """What a person calls it: table courses_course."""
        return f"{self.type} {'.'.join(self.names) or self.identity}"

    def clashes_with(self, other: SchemaObject) -> bool:
        """Whether both could not live in one schema."""
        relations = {"table", "view", "materialized view", "sequence", "foreign table"}
        same_kind = self.type == other.type or {self.type, other.type} <= relations
        return same_kind and (self.names, self.arguments) == (other.names, other.arguments)


_OBJECTS = """
SELECT d.classid::bigint AS class_oid, d.objid::bigint AS oid, o.type, o.identity,
       CASE WHEN o.type = 'extension' THEN a.object_names ELSE a.object_names[2:] END AS names,
       a.object_args AS arguments
FROM pg_depend d
CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) o
CROSS JOIN LATERAL pg_identify_object_as_address(d.classid, d.objid, 0) a
WHERE d.refclassid = 'pg_namespace'::regclass AND d.deptype = 'n' AND d.objsubid = 0
  AND d.refobjid = (SELECT oid FROM pg_namespace WHERE nspname = %s)
  AND o.type NOT IN ('default acl', 'publication namespace')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classid AND e.objid = d.objid
                  AND (e.deptype = 'e' OR (e.deptype IN ('a', 'i') AND e.refclassid = 'pg_class'::regclass)))
ORDER BY o.type = 'extension' DESC, o.type IN ('type', 'function') DESC, o.type, o.identity
"""

#: pg_identify_object's words where ALTER's differ.
_ALTER = {"statistics object": "statistics", "composite type": "type"}


def objects_in(connection: Connection, schema: str) -> list[SchemaObject]:
    """Everything in a schema, what other objects are built on first."""
    with connection.cursor(row_factory=class_row(SchemaObject)) as cursor:
        return cursor.execute(_OBJECTS, [schema]).fetchall()


def move(connection: Connection, moved: SchemaObject, schema: str) -> None:
    """ALTER ... SET SCHEMA. Type and identity are PostgreSQL's own text, quoted by it."""
    kind = _ALTER.get(moved.type, moved.type).upper()
    connection.execute(
        sql.SQL("ALTER {} {} SET SCHEMA {}").format(_trusted(kind), _trusted(moved.identity), sql.Identifier(schema))
    )


def _trusted(text: str) -> sql.SQL:
    """Text that PostgreSQL itself printed as SQL."""
    return sql.SQL(text)


def replaced_by(incoming: Iterable[SchemaObject], standing: Iterable[SchemaObject]) -> list[SchemaObject]:
    """Those of the final schema's objects whose names the incoming ones need."""
    wanted = list(incoming)
    return [there for there in standing if any(there.clashes_with(new) for new in wanted)]


_OUTSIDERS = """
SELECT format('foreign key %%s of table %%s refers to %%s', k.conname, k.conrelid::regclass, k.confrelid::regclass)
FROM pg_constraint k
WHERE k.contype = 'f' AND k.confrelid = ANY (%(oids)s::oid[]) AND NOT k.conrelid = ANY (%(oids)s::oid[])
UNION ALL
SELECT DISTINCT format('%%s reads %%s', pg_describe_object('pg_class'::regclass, r.ev_class, 0), d.refobjid::regclass)
FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY (%(oids)s::oid[])
  AND NOT r.ev_class = ANY (%(oids)s::oid[])
"""


def outsiders(connection: Connection, group: Iterable[SchemaObject]) -> list[str]:
    """What outside the group depends on the group's tables, and would go on reading them wherever they are moved."""
    rows = connection.execute(_OUTSIDERS, {"oids": [o.oid for o in group]}).fetchall()
    return [row[0] for row in rows]
