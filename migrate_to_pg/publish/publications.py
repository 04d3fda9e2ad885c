"""Find the publications of logical replication that a move affects, and their subscribers.

Publishing does not replace the tables of a subscriber. It keeps the old rows, or stops at the first row that it cannot
apply. So this is checked before anything is done.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import PublishError, TargetError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import size
from migrate_to_pg.records import INCOMING, LEFTOVERS, LogicalPublication, Scope

Connection = psycopg.Connection[Any]

_ALL = """
SELECT p.pubname, p.puballtables, coalesce((to_jsonb(p) ->> 'puballsequences')::boolean, false),
       ARRAY(SELECT c.oid::bigint FROM pg_publication_rel r JOIN pg_class c ON c.oid = r.prrelid
             JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE r.prpubid = p.oid
               AND ((n.nspname = %(final)s AND (c.relname = ANY (%(names)s) OR %(names)s::text[] IS NULL))
                    OR n.nspname = %(leftovers)s)
             ORDER BY c.relname)
FROM pg_publication p ORDER BY 1
"""
_TABLE_NAMES = "SELECT oid::regclass::text FROM pg_class WHERE oid = ANY (%s::oid[]) ORDER BY 1"
#: Since PostgreSQL 15.
_WITH_SCHEMAS = 150_000
_OF_SCHEMAS = """
SELECT p.pubname, array_agg(n.nspname::text ORDER BY n.nspname)
FROM pg_publication_namespace s JOIN pg_publication p ON p.oid = s.pnpubid JOIN pg_namespace n ON n.oid = s.pnnspid
WHERE n.nspname = ANY (%s) GROUP BY 1
"""


def affected_publications(
    connection: Connection, final: str, names: Collection[str] | None
) -> tuple[LogicalPublication, ...]:
    """Return every publication of a table that a move to ``final`` may replace, or of all tables.

    ``names`` has the tables that may be replaced there. None stands for all of them.
    """
    parameters = {"final": final, "leftovers": LEFTOVERS, "names": None if names is None else list(names)}
    schemas: dict[str, list[str]] = {}
    if connection.info.server_version >= _WITH_SCHEMAS:
        schemas = dict(connection.execute(_OF_SCHEMAS, [[final, LEFTOVERS]]).fetchall())
    found = []
    for name, all_tables, all_sequences, tables in connection.execute(_ALL, parameters).fetchall():
        if all_tables:
            scope = Scope.ALL_TABLES
        elif name in schemas:
            scope = Scope.SCHEMAS
        elif tables:
            scope = Scope.TABLES
        elif all_sequences:
            scope = Scope.ALL_SEQUENCES
        else:
            continue
        found.append(
            LogicalPublication(
                name=name,
                scope=scope,
                schemas=tuple(schemas.get(name, ())),
                tables=tuple(name for (name,) in connection.execute(_TABLE_NAMES, [tables]).fetchall()),
                subscribers=tuple(_subscribers(connection, name)),
            )
        )
    return tuple(found)


# The query of a walsender names its publications, if this role may read it.
_SLOTS = """
SELECT s.slot_name::text, s.plugin::text, s.active, a.application_name, coalesce(host(a.client_addr), ''),
       pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::bigint
FROM pg_replication_slots s LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid
WHERE s.slot_type = 'logical' AND s.database = current_database() AND NOT s.temporary
  AND (strpos(coalesce(a.query, ''), 'publication_names') = 0 OR strpos(a.query, quote_ident(%s)) > 0)
ORDER BY 1
"""


def _subscribers(connection: Connection, name: str) -> list[str]:
    """Describe each replication slot that may belong to a subscriber of that publication."""
    return [
        _(
            "replication slot {slot} ({plugin}): active, {subscription} from {address}",
            slot=slot,
            plugin=plugin,
            subscription=subscription or _("somebody"),
            address=address or _("this machine"),
        )
        if active
        else _(
            "replication slot {slot} ({plugin}): not active, the server keeps {wal} for it",
            slot=slot,
            plugin=plugin,
            wal=size(max(0, kept or 0)),
        )
        for slot, plugin, active, subscription, address, kept in connection.execute(_SLOTS, [name]).fetchall()
    ]


def require_accepted(publications: Sequence[LogicalPublication], *, undoing: bool, accepted: bool) -> None:
    """Raise TargetError if a publication adds new tables by itself, unless that was accepted."""
    automatic = [one for one in publications if one.scope in (Scope.ALL_TABLES, Scope.SCHEMAS)]
    if accepted or not automatic:
        return
    scopes = [f"{one.name}: {one.scope_sql}" for one in automatic[1:]]
    slots = dict.fromkeys(line for one in automatic for line in one.subscribers)
    raise TargetError(
        _undo_message(automatic[0]) if undoing else _move_message(automatic[0]),
        detail=[*scopes, *(slots or [_("No subscriber has a replication slot in this database now.")])],
        remedy=_(
            "Run DROP SUBSCRIPTION on each subscriber, then run again with --accept-publications: what is to be done"
            " there afterwards is told at the end."
        ),
    )


def _undo_message(publication: LogicalPublication) -> str:
    return _(
        "Publication {name} is {scope}: its subscribers are not brought back with the tables, and stop at what they"
        " cannot apply.",
        name=publication.name,
        scope=publication.scope_sql,
    )


def _move_message(publication: LogicalPublication) -> str:
    if publication.scope is Scope.ALL_TABLES:
        return _(
            "Publication {name} is {scope}: every row that is loaded into schema {incoming} goes to its subscribers,"
            " which have no such tables and stop at the first one.",
            name=publication.name,
            scope=publication.scope_sql,
            incoming=INCOMING,
        )
    return _(
        "Publication {name} is {scope}: its subscribers do not get the rows that are moved there, and stop at what they"
        " cannot apply.",
        name=publication.name,
        scope=publication.scope_sql,
    )


def oids_of(connection: Connection, final: str, names: Collection[str]) -> list[int]:
    """Return the oids of the tables of these names in that schema."""
    query = """
        SELECT oid::bigint FROM pg_class WHERE relname = ANY (%s) AND relkind IN ('r', 'p')
          AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s)
    """
    return [oid for (oid,) in connection.execute(query, [list(names), final]).fetchall()]


def require_alterable(connection: Connection, tables: Sequence[int]) -> None:
    """Raise PublishError if a publication of these tables is another role's, or limits their rows or columns."""
    limited = connection.execute(_LIMITED, [list(tables)]).fetchall()
    if limited:
        raise PublishError(
            _("A publication limits the rows or columns of a table that would be replaced."),
            detail=[row[0] for row in limited],
            remedy=_("Take the table out of the publication, run again, and add it with its limits afterwards."),
        )
    _check_owned(connection, tables)


# PostgreSQL 14 lacks these columns of pg_publication_rel, so they are read through jsonb.
_LIMITED = """
SELECT DISTINCT format('publication %%s, table %%s', p.pubname, r.prrelid::regclass)
FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
WHERE r.prrelid = ANY (%s::oid[])
  AND (to_jsonb(r) ->> 'prqual' IS NOT NULL OR to_jsonb(r) ->> 'prattrs' IS NOT NULL)
ORDER BY 1
"""


def _check_owned(connection: Connection, tables: Sequence[int]) -> None:
    query = """
        SELECT DISTINCT p.pubname FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
        WHERE r.prrelid = ANY (%s::oid[]) AND NOT pg_has_role(p.pubowner, 'USAGE') ORDER BY 1
    """
    foreign = [row[0] for row in connection.execute(query, [list(tables)]).fetchall()]
    if foreign:
        raise PublishError(
            _("A table that would be replaced is in a publication of another role: {name}.", name=foreign[0]),
            detail=foreign,
            remedy=_(
                'As its owner, run: ALTER PUBLICATION {name} OWNER TO "{user}"; or take the table out of it.',
                name=sql.Identifier(foreign[0]).as_string(connection),
                user=connection.info.user,
            ),
        )
