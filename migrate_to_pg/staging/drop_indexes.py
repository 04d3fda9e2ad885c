"""Drop the indexes and constraints that slow a load, and read the statements that restore them.

The definitions are PostgreSQL's own (pg_get_constraintdef, pg_get_indexdef), so that they are restored exactly. Each is
restored in up to three steps: a quick one, then a long one that needs only a SHARE lock on its table, so that several
can run at once, then another quick one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from migrate_to_pg.errors import StagingError
from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.batches import batched
from migrate_to_pg.records import Plan

Connection = psycopg.Connection[Any]

#: Kinds of definitions.
KINDS = ("index", N_("primary key"), N_("unique"), N_("exclusion"), N_("foreign key"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """An index or constraint that was dropped for the load, and the statements that restore it."""

    table: str
    name: str
    #: One of KINDS.
    kind: str
    drop: str
    #: Creates all of it at once.
    create: str
    #: Creates a foreign key that is not valid yet. '' if there is no first step.
    before: str
    #: Creates an index or validates a foreign key. '' if all of it is created in the last step.
    build: str
    #: Creates a constraint with its index, and comments. If there is no other way, creates all of it.
    after: str

    @property
    def place(self) -> tuple[str, ...]:
        """Return table, kind and name, which identify the definition."""
        return self.table, self.kind, self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A user's trigger, or rule for INSERT, and the statement that enables it again."""

    table: str
    name: str
    disable: str
    enable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedObjects:
    """Indexes, constraints and triggers that are dropped or disabled during the load."""

    #: In the order in which they are restored: keys, indexes, foreign keys.
    definitions: tuple[Definition, ...]
    triggers: tuple[Trigger, ...]


# Properties outside of a definition are restored with it (a comment) or prevent that the index is dropped (replica
# identity, CLUSTER, a tablespace, a column's statistics target). On partitions a restored index would not be theirs.
# PostgreSQL prints a list of values (Q(status__in=[...])) differently after reading it back, so it would differ.
_PLAIN = """
    t.relkind = 'r' AND NOT t.relispartition AND NOT i.indisreplident AND NOT i.indisclustered AND x.reltablespace = 0
    AND pg_get_indexdef(x.oid) NOT LIKE '%%ARRAY[%%'
    AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = x.oid AND a.attstattarget >= 0)
"""

# One constraint, its index and its table. ``add`` creates it, ``comments`` restores its comments.
_CONSTRAINTS = """
WITH found AS (
    SELECT t.relname AS "table", k.conname AS name, k.contype, k.convalidated,
           t.relkind = 'r' AND r.relkind IS NOT DISTINCT FROM 'r' AS is_plain_key, a.amname = 'btree' AS is_btree,
           format('ALTER TABLE %%s ', t.oid::regclass) AS alter,
           format('ADD CONSTRAINT %%I ', k.conname) AS add, pg_get_constraintdef(k.oid) AS definition,
           pg_get_indexdef(i.indexrelid) AS index, k.condeferrable, k.condeferred,
           coalesce(format('; COMMENT ON CONSTRAINT %%I ON %%s IS ', k.conname, t.oid::regclass)
                    || quote_literal(obj_description(k.oid, 'pg_constraint')), '')
           || coalesce(format('; COMMENT ON INDEX %%s IS ', x.oid::regclass)
                       || quote_literal(obj_description(x.oid, 'pg_class')), '') AS comments
    FROM pg_constraint k
    JOIN pg_class t ON t.oid = k.conrelid
    JOIN pg_namespace n ON n.oid = t.relnamespace
    LEFT JOIN pg_class r ON r.oid = k.confrelid
    LEFT JOIN pg_index i ON i.indexrelid = k.conindid AND k.contype <> 'f'
    LEFT JOIN pg_class x ON x.oid = i.indexrelid
    LEFT JOIN pg_am a ON a.oid = x.relam
    WHERE n.nspname = %s AND k.conparentid = 0
      AND CASE k.contype WHEN 'f' THEN t.relkind IN ('r', 'p') ELSE k.contype IN ('p', 'u', 'x') AND {plain} END
), made AS (
    SELECT *, alter || add || definition AS whole,
           -- Not on partitioned tables, which allow no key that is not valid, nor a key that was not valid before.
           contype = 'f' AND is_plain_key AND convalidated AS is_validated,
           contype IN ('p', 'u') AND is_btree AS takes_index
    FROM found
)
SELECT "table", name, alter || format('DROP CONSTRAINT %%I', name) AS drop, whole || comments AS create,
       CASE contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'x' THEN 'exclusion'
                    ELSE 'foreign key' END AS kind,
       CASE WHEN is_validated THEN whole || ' NOT VALID' ELSE '' END AS before,
       CASE WHEN is_validated THEN alter || format('VALIDATE CONSTRAINT %%I', name)
            WHEN takes_index THEN index ELSE '' END AS build,
       CASE WHEN is_validated THEN ltrim(comments, '; ')
            WHEN takes_index THEN
                alter || add || CASE contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END
                || format(' USING INDEX %%I', name) || CASE WHEN condeferrable THEN ' DEFERRABLE' ELSE '' END
                || CASE WHEN condeferred THEN ' INITIALLY DEFERRED' ELSE '' END || comments
            ELSE whole || comments END AS after
FROM made
ORDER BY contype = 'f', contype <> 'p', "table", name
""".replace("{plain}", _PLAIN)

_INDEXES = """
WITH found AS (
    SELECT t.relname AS "table", x.relname AS name, format('DROP INDEX %%s', x.oid::regclass) AS drop,
           pg_get_indexdef(x.oid) AS build,
           coalesce(format('; COMMENT ON INDEX %%s IS ', x.oid::regclass)
                    || quote_literal(obj_description(x.oid, 'pg_class')), '') AS comments
    FROM pg_index i
    JOIN pg_class x ON x.oid = i.indexrelid
    JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE n.nspname = %s AND {plain}
      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.oid AND k.contype IN ('p', 'u', 'x'))
)
SELECT "table", name, 'index' AS kind, drop, build || comments AS create, '' AS before, build,
       ltrim(comments, '; ') AS after
FROM found
ORDER BY "table", name
""".replace("{plain}", _PLAIN)

_TRIGGERS = """
SELECT c.relname AS "table", g.tgname AS name,
       format('ALTER TABLE %%s DISABLE TRIGGER %%I', c.oid::regclass, g.tgname) AS disable,
       format('ALTER TABLE %%s ENABLE %%s TRIGGER %%I', c.oid::regclass,
              CASE g.tgenabled WHEN 'R' THEN 'REPLICA' WHEN 'A' THEN 'ALWAYS' ELSE '' END, g.tgname) AS enable
FROM pg_trigger g
JOIN pg_class c ON c.oid = g.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND NOT g.tgisinternal AND g.tgenabled <> 'D' AND c.relkind IN ('r', 'p')
ORDER BY c.relname, g.tgname
"""

# COPY fires no rule, but the INSERT from a cast table does.
_RULES = """
SELECT c.relname AS "table", r.rulename AS name,
       format('ALTER TABLE %%s DISABLE RULE %%I', c.oid::regclass, r.rulename) AS disable,
       format('ALTER TABLE %%s ENABLE %%s RULE %%I', c.oid::regclass,
              CASE r.ev_enabled WHEN 'R' THEN 'REPLICA' WHEN 'A' THEN 'ALWAYS' ELSE '' END, r.rulename) AS enable
FROM pg_rewrite r
JOIN pg_class c ON c.oid = r.ev_class
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND r.ev_type = '3' AND r.ev_enabled <> 'D' AND c.relkind IN ('r', 'p')
ORDER BY c.relname, r.rulename
"""


def drop_objects(connection: Connection, schema: str) -> DroppedObjects:
    """Drop keys, indexes and foreign keys of every table, and disable its triggers. Return how to restore them."""
    set_search_path(connection, schema)
    _check_row_security(connection, schema)
    found = definitions(connection, schema)
    triggers = [Trigger(**row) for query in (_TRIGGERS, _RULES) for row in _rows(connection, query, schema)]
    for trigger in triggers:
        connection.execute(trigger.disable.encode())
    # Foreign keys depend on the keys that they reference, so they are dropped first and restored last.
    foreign_keys = _drop(connection, [d for d in found if d.kind == "foreign key"])
    indexes = _drop(connection, [d for d in found if d.kind == "index"])
    keys = _drop(connection, [d for d in found if d.kind not in ("index", "foreign key")])
    return DroppedObjects(definitions=(*keys, *indexes, *foreign_keys), triggers=tuple(triggers))


def _check_row_security(connection: Connection, schema: str) -> None:
    """Raise StagingError if a migration forced row security on a table's owner, who could not access all rows then."""
    query = """
        SELECT c.relname FROM pg_class c JOIN pg_roles r ON r.rolname = current_user
        WHERE c.relnamespace = %s::regnamespace AND c.relforcerowsecurity AND NOT (r.rolsuper OR r.rolbypassrls)
        ORDER BY 1
    """
    forced = [row[0] for row in connection.execute(query, [schema]).fetchall()]
    if forced:
        user = connection.info.user
        raise StagingError(
            _(
                "Row security is forced on table {forced}: role {user} could neither load nor verify its rows.",
                forced=forced[0],
                user=user,
            ),
            detail=forced,
            remedy=_(
                'Connect as a role that bypasses it, or run as a superuser: ALTER ROLE "{user}" BYPASSRLS;', user=user
            ),
        )


def _drop(connection: Connection, found: Sequence[Definition]) -> list[Definition]:
    """Drop many at a time, and return those that could be dropped."""
    dropped: list[Definition] = []
    for some in batched(found):
        try:
            connection.execute("; ".join(definition.drop for definition in some).encode())
        except psycopg.errors.DependentObjectsStillExist:
            # A view that groups by the primary key needs it. The key stays, which slows the load.
            half = len(some) // 2
            dropped += _drop(connection, some[:half]) + _drop(connection, some[half:]) if half else []
        else:
            dropped += some
    return dropped


def truncate(connection: Connection, schema: str, plan: Plan) -> None:
    """Remove the rows that data migrations made in planned tables. Other tables keep theirs."""
    for tables in batched((*plan.tables, *plan.excluded)):
        names = sql.SQL(", ").join(sql.Identifier(schema, table.name) for table in tables)
        connection.execute(sql.SQL("TRUNCATE {}").format(names))


def definitions(connection: Connection, schema: str) -> list[Definition]:
    """Return everything in the schema that can be dropped for the load: keys, indexes, foreign keys."""
    return [Definition(**row) for query in (_CONSTRAINTS, _INDEXES) for row in _rows(connection, query, schema)]


def _rows(connection: Connection, query: str, schema: str) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), [schema]).fetchall()


def set_search_path(connection: Connection, schema: str) -> None:
    """Set the search path, with which PostgreSQL prints and reads definitions without the schema's name."""
    connection.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))
