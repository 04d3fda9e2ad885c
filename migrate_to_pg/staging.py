"""The incoming schema: after the migrations made it, set aside what slows loading; after the load, put all of it back.

In: a connection and the schema's name. Out: SetAside (the definitions), later the identities. The definitions are
PostgreSQL's own (pg_get_constraintdef, pg_get_indexdef): what is put back is what was there, to the letter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row

from migrate_to_pg.errors import StagingError
from migrate_to_pg.records import Event, Identity, Plan, PlannedTable

Connection = psycopg.Connection[Any]
Progress = Callable[[Event], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """Something that was dropped for the load, and the statement that makes it again."""

    table: str
    name: str
    #: "primary key", "unique", "exclusion", "foreign key" or "index".
    kind: str
    drop: str
    create: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A user's trigger, and what enables it as it was."""

    table: str
    name: str
    disable: str
    enable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """What is not there while rows are loaded."""

    #: In the order in which they are made again: keys, indexes, foreign keys.
    definitions: tuple[Definition, ...]
    triggers: tuple[Trigger, ...]


# What a definition does not tell is kept with it (a comment) or keeps the index in place during the load (replica
# identity, CLUSTER, a tablespace, a column's statistics target). On partitions an index made again would not be theirs.
_PLAIN = """
    t.relkind = 'r' AND NOT t.relispartition AND NOT i.indisreplident AND NOT i.indisclustered AND x.reltablespace = 0
    AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = x.oid AND a.attstattarget >= 0)
"""

_CONSTRAINTS = """
SELECT t.relname AS table_name, k.conname AS name,
       CASE k.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'x' THEN 'exclusion'
                      ELSE 'foreign key' END AS kind,
       format('ALTER TABLE %%s DROP CONSTRAINT %%I', t.oid::regclass, k.conname) AS drop,
       format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', t.oid::regclass, k.conname, pg_get_constraintdef(k.oid))
       || coalesce(format('; COMMENT ON CONSTRAINT %%I ON %%s IS ', k.conname, t.oid::regclass)
                   || quote_literal(obj_description(k.oid, 'pg_constraint')), '')
       || coalesce(format('; COMMENT ON INDEX %%s IS ', x.oid::regclass)
                   || quote_literal(obj_description(x.oid, 'pg_class')), '')
       AS create
FROM pg_constraint k
JOIN pg_class t ON t.oid = k.conrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
LEFT JOIN pg_index i ON i.indexrelid = k.conindid AND k.contype <> 'f'
LEFT JOIN pg_class x ON x.oid = i.indexrelid
WHERE n.nspname = %s AND k.conparentid = 0
  AND CASE k.contype WHEN 'f' THEN t.relkind IN ('r', 'p') ELSE k.contype IN ('p', 'u', 'x') AND {plain} END
ORDER BY k.contype = 'f', k.contype <> 'p', t.relname, k.conname
""".replace("{plain}", _PLAIN)

_INDEXES = """
SELECT t.relname AS table_name, x.relname AS name, 'index' AS kind, format('DROP INDEX %%s', x.oid::regclass) AS drop,
       pg_get_indexdef(x.oid)
       || coalesce(format('; COMMENT ON INDEX %%s IS ', x.oid::regclass)
                   || quote_literal(obj_description(x.oid, 'pg_class')), '')
       AS create
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE n.nspname = %s AND {plain}
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.oid AND k.contype IN ('p', 'u', 'x'))
ORDER BY t.relname, x.relname
""".replace("{plain}", _PLAIN)

_TRIGGERS = """
SELECT c.relname AS table_name, g.tgname AS name,
       format('ALTER TABLE %%s DISABLE TRIGGER %%I', c.oid::regclass, g.tgname) AS disable,
       format('ALTER TABLE %%s ENABLE %%s TRIGGER %%I', c.oid::regclass,
              CASE g.tgenabled WHEN 'R' THEN 'REPLICA' WHEN 'A' THEN 'ALWAYS' ELSE '' END, g.tgname) AS enable
FROM pg_trigger g
JOIN pg_class c ON c.oid = g.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND NOT g.tgisinternal AND g.tgenabled <> 'D' AND c.relkind IN ('r', 'p')
ORDER BY c.relname, g.tgname
"""


def set_aside(connection: Connection, schema: str) -> SetAside:
    """Drop keys, indexes and foreign keys of every table, disable its triggers; give back how to restore them."""
    _look_only_at(connection, schema)
    _require_all_rows_visible(connection, schema)
    constraints = [Definition(**row) for row in _rows(connection, _CONSTRAINTS, schema, table="table_name")]
    indexes = [Definition(**row) for row in _rows(connection, _INDEXES, schema, table="table_name")]
    triggers = [Trigger(**row) for row in _rows(connection, _TRIGGERS, schema, table="table_name")]
    keys = [d for d in constraints if d.kind != "foreign key"]
    foreign_keys = [d for d in constraints if d.kind == "foreign key"]
    for trigger in triggers:
        connection.execute(trigger.disable.encode())
    # Foreign keys depend on the keys that they name: they go first and come back last.
    dropped = [d for d in (*foreign_keys, *indexes, *keys) if _drop(connection, d)]
    return SetAside(
        definitions=tuple(d for d in (*keys, *indexes, *foreign_keys) if d in dropped), triggers=tuple(triggers)
    )


def _require_all_rows_visible(connection: Connection, schema: str) -> None:
    """A table's owner sees and writes every row of it, unless a migration forced row security on its owner, too."""
    query = """
        SELECT c.relname FROM pg_class c JOIN pg_roles r ON r.rolname = current_user
        WHERE c.relnamespace = %s::regnamespace AND c.relforcerowsecurity AND NOT (r.rolsuper OR r.rolbypassrls)
        ORDER BY 1
    """
    forced = [row[0] for row in connection.execute(query, [schema]).fetchall()]
    if forced:
        user = connection.info.user
        raise StagingError(
            f"Row security is forced on table {forced[0]}: role {user} could neither load nor prove its rows.",
            detail=forced,
            remedy=f'Connect as a role that bypasses it, or run as a superuser: ALTER ROLE "{user}" BYPASSRLS;',
        )


def _drop(connection: Connection, definition: Definition) -> bool:
    try:
        connection.execute(definition.drop.encode())
    except psycopg.errors.DependentObjectsStillExist:
        # A view that groups by the primary key needs it: the key stays, and the load pays for it.
        return False
    return True


def empty(connection: Connection, schema: str, plan: Plan) -> None:
    """Remove the rows that data migrations made in the tables which the source fills; other tables keep theirs."""
    for table in plan.tables:
        connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(schema, table.name)))


def restore(connection: Connection, schema: str, aside: SetAside, progress: Progress) -> None:
    """Make everything again that was set aside, validated, and gather statistics; StagingError names what fails."""
    _look_only_at(connection, schema)
    # Index builds sort: with the server's default of 64 MB they spill to disk from about a million rows on.
    connection.execute("SET maintenance_work_mem = '512MB'; SET synchronous_commit = off")
    total = len(aside.definitions) + len(aside.triggers)
    for done, definition in enumerate(aside.definitions, start=1):
        _make(connection, definition)
        progress(Event(kind="progress", stage="restore", message=definition.name, done=done, total=total))
    for trigger in aside.triggers:
        connection.execute(trigger.enable.encode())
    _require_complete(connection, schema, aside)
    connection.execute("RESET synchronous_commit")


def _make(connection: Connection, definition: Definition) -> None:
    try:
        connection.execute(definition.create.encode())
    except psycopg.Error as error:
        raise StagingError(
            f"{definition.kind.capitalize()} {definition.name} of table {definition.table} does not hold for the data:"
            f" {error.diag.message_primary or error}",
            detail=[line for line in (error.diag.message_detail, definition.create) if line],
            remedy="Mend the rows it names in the SQLite database, then run again.",
        ) from error


def analyze(connection: Connection, schema: str, plan: Plan) -> None:
    """Statistics for the planner, so that the first queries after the switch are not slow."""
    for table in plan.tables:
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(schema, table.name)))


def set_identities(connection: Connection, schema: str, plan: Plan) -> tuple[Identity, ...]:
    """Set every sequence of the planned tables past the highest id that SQLite ever gave, deleted rows included."""
    found = []
    for table in plan.tables:
        for column in table.columns:
            if column.target.sequence is not None:
                last = _last_id(connection, schema, table, column.name)
                found.append(_set_identity(connection, table.name, column.name, column.target.sequence, last))
    return tuple(found)


def _last_id(connection: Connection, schema: str, table: PlannedTable, column: str) -> int:
    query = sql.SQL("SELECT max({}) FROM {}").format(sql.Identifier(column), sql.Identifier(schema, table.name))
    row = connection.execute(query).fetchone()
    highest = row[0] if row and row[0] is not None else 0
    is_key = [c.name for c in table.key] == [column]
    return max(highest, (table.source.last_id or 0) if is_key else 0)


def _set_identity(connection: Connection, table: str, column: str, sequence: str, last: int) -> Identity:
    # A sequence starts at 1, whatever negative ids there are. At its last value it could be set, but not go on.
    following = max(last + 1, 1)
    try:
        connection.execute("SELECT setval(%s::regclass, %s, false)", [sequence, following])
    except psycopg.Error as error:
        raise StagingError(
            f"The sequence of {table}.{column} cannot go on after {last}: {error.diag.message_primary}",
            remedy="The column's type has no room for another id: widen it with a migration, or give that row a lower"
            " id (and set sqlite_sequence.seq to the highest one).",
        ) from error
    return Identity(table=table, column=column, next=following)


def refresh_views(connection: Connection, schema: str) -> None:
    """Fill the materialized views, which the migrations made while the tables were empty."""
    query = """
        SELECT c.relname FROM pg_class c WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'm' ORDER BY c.oid
    """
    for (name,) in connection.execute(query, [schema]).fetchall():
        connection.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(sql.Identifier(schema, name)))


def _require_complete(connection: Connection, schema: str, aside: SetAside) -> None:
    """Count on nothing: every definition that was set aside must be in the catalogue again, as it was."""
    there = {
        (row["table_name"], row["name"], row["create"])
        for query in (_CONSTRAINTS, _INDEXES)
        for row in _rows(connection, query, schema)
    }
    missing = [d for d in aside.definitions if (d.table, d.name, d.create) not in there]
    if missing:
        raise StagingError(
            f"{len(missing)} indexes or constraints are not back as they were: {missing[0].table}.{missing[0].name}.",
            detail=[d.create for d in missing],
            remedy="This should not happen; please report it with these lines.",
        )


def _rows(connection: Connection, query: str, schema: str, **renamed: str) -> Iterable[dict[str, Any]]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        rows: list[Any] = cursor.execute(query.encode(), [schema]).fetchall()
    for row in rows:
        values: dict[str, Any] = row._asdict()
        for new, old in renamed.items():
            values[new] = values.pop(old)
        yield values


def _look_only_at(connection: Connection, schema: str) -> None:
    """The definitions name their tables without a schema, so that one and the same statement reads and makes them."""
    connection.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))
