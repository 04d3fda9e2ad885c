"""Publish verified tables in one transaction, undo it, and purge what it left behind.

Other sessions see either all old tables or all new ones. Replaced tables are moved to a dated archive schema.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import PublishError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.postgres.objects import SchemaObject, move, note_contents, objects_in, replaced_by
from migrate_to_pg.publish.archive_schemas import unused_schema
from migrate_to_pg.publish.copy_privileges import apply_default_privileges, copy_properties, policy_statements
from migrate_to_pg.publish.existing_tables import (
    ExistingTables,
    certain_user_data,
    check_unchanged,
    inspect_existing,
    require_replaceable,
)
from migrate_to_pg.publish.extensions import Extensions, require_locks, require_movable
from migrate_to_pg.publish.guard import LockedSchemas, lock_schemas
from migrate_to_pg.publish.history import NOT_RECORDED, RunRecord, record_publication
from migrate_to_pg.publish.owner import require_owner, set_owner
from migrate_to_pg.publish.preconditions import check_preconditions
from migrate_to_pg.publish.publish_leftovers import check_leftovers_preconditions, publish_leftovers
from migrate_to_pg.publish.repair_log import write_repair_log
from migrate_to_pg.publish.transaction import locking_transaction
from migrate_to_pg.publish.written_since import read_published_rows
from migrate_to_pg.records import LEFTOVERS, LEFTOVERS_INCOMING, Publication

__all__ = [
    "ExistingTables",
    "Extensions",
    "LockedSchemas",
    "RunRecord",
    "certain_user_data",
    "check_leftovers_preconditions",
    "check_preconditions",
    "inspect_existing",
    "lock_schemas",
    "note_contents",
    "publish",
    "require_locks",
    "require_movable",
    "require_owner",
    "require_replaceable",
]

Connection = psycopg.Connection[Any]


def publish(
    connection: Connection,
    *,
    incoming: str,
    final: str,
    before_commit: Callable[[], None],
    run: RunRecord = NOT_RECORDED,
    existing: ExistingTables | None = None,
    journal: Path | None = None,
    leftovers: bool = False,
    owner: str = "",
    locked: LockedSchemas | None = None,
) -> Publication:
    """Move every object of schema ``incoming`` into schema ``final``.

    Args:
        before_commit: is called last within the transaction. An exception in it rolls everything back.
        run: is recorded for --undo.
        existing: tables that were inspected before. Only they may be replaced. None permits any.
        journal: file of the repairs, which are then recorded in the target, too.
        leftovers: publish the tables that no migration makes in the same transaction.
        owner: role that is to own all published objects. '' keeps the owner of what is replaced, else this role.
        locked: schemas that were locked before they were verified. Their transaction ends here.

    Raises:
        PublishError: a lock is not granted, a name clashes, or an object depends on a replaced table or stays behind.
    """
    check_preconditions(connection, incoming, final)
    new = objects_in(connection, incoming)
    old = replaced_by(new, objects_in(connection, final))
    archive = unused_schema(connection, "migrate_to_pg_replaced") if old else ""
    # This reads all rows, so it comes before the locks that others wait for.
    written = read_published_rows(connection, _table_locations(connection, incoming, leftovers=leftovers))
    with (
        locking_transaction(connection, old, "Publishing", locked.transaction if locked else None) as clock,
        locked.forbid_writes() if locked else nullcontext(),
    ):
        if existing:
            check_unchanged(connection, existing, incoming, final)
        _replace(connection, incoming, final, old, new, archive, owner, locked)
        publication = record_publication(
            connection, final=final, archive=archive, objects=new, kept=old, written=written, run=run
        )
        if journal:
            write_repair_log(connection, publication, journal)
        _set_owner(connection, final, new, owner)
        published = publish_leftovers(connection, publication, owner) if leftovers else None
        before_commit()
        if locked:
            locked.check_columns()
    return Publication(
        schema=final,
        tables=_tables(new),
        replaced=_tables(old),
        archive=archive,
        locked_seconds=clock.seconds,
        leftovers=published.names if published else (),
        leftovers_archive=published.archive if published else "",
        source=run.source,
    )


def _replace(
    connection: Connection,
    incoming: str,
    final: str,
    old: Sequence[SchemaObject],
    new: Sequence[SchemaObject],
    archive: str,
    owner: str,
    locked: LockedSchemas | None,
) -> None:
    """Move ``old`` to the archive schema and ``new`` to the final one, with the privileges and policies of ``old``."""
    if locked:
        locked.check_members()
    successors = {n.place: n for n in new}
    pairs = [(o, successors[o.place]) for o in old]
    statements = policy_statements(connection, [(o, n) for o, n in pairs if o.type == "table"])
    if old:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(archive)))
        move(connection, old, archive)
    move(connection, new, final)
    if locked:
        locked.check_facts()
    copy_properties(connection, pairs)
    former = {o.place for o in old}
    apply_default_privileges(connection, (n for n in new if n.place not in former), schema=final, owner=owner)
    for statement in statements:
        connection.execute(statement.encode())
    _remove_schema_references(connection, new, incoming, final)
    _check_empty(connection, incoming)
    connection.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(incoming)))


def _table_locations(connection: Connection, incoming: str, *, leftovers: bool) -> dict[str, tuple[str, str]]:
    """Map each table's name in the record to its schema and name before it is published."""
    places = {name: (incoming, name) for name in _tables(objects_in(connection, incoming))}
    if leftovers:
        names = _tables(objects_in(connection, LEFTOVERS_INCOMING))
        places |= {f"{LEFTOVERS}.{name}": (LEFTOVERS_INCOMING, name) for name in names}
    return places


def _set_owner(connection: Connection, final: str, moved: Sequence[SchemaObject], owner: str) -> None:
    """Give the moved objects to the role that is asked for, if any."""
    if owner:
        addresses = {one.address for one in moved}
        set_owner(connection, (one for one in objects_in(connection, final) if one.address in addresses), owner)


def _tables(objects: Sequence[SchemaObject]) -> tuple[str, ...]:
    return tuple(o.names[0] for o in objects if o.type == "table")


# CREATE FUNCTION ... SET search_path FROM CURRENT stored the name of the staged schema. This stores the search path of
# a session of this role that has the final schema.
_RESET_SEARCH_PATHS = """
SELECT format('ALTER ROUTINE %%s SET search_path FROM CURRENT', oid::regprocedure) FROM pg_proc
WHERE oid = ANY (%(oids)s::oid[]) AND strpos(proconfig::text, %(name)s) > 0
"""

# PostgreSQL does not update names that it stores as text when an object moves to another schema.
_MENTIONS = """
SELECT pg_describe_object('pg_proc'::regclass, oid, 0) FROM pg_proc
WHERE oid = ANY (%(oids)s::oid[]) AND strpos(concat(prosrc, proconfig::text), %(name)s) > 0
UNION ALL
SELECT pg_describe_object('pg_class'::regclass, adrelid, adnum) FROM pg_attrdef
WHERE adrelid = ANY (%(oids)s::oid[]) AND strpos(pg_get_expr(adbin, adrelid), %(name)s) > 0
UNION ALL
SELECT pg_describe_object('pg_class'::regclass, oid, 0) FROM pg_class
WHERE oid = ANY (%(oids)s::oid[]) AND relkind IN ('v', 'm') AND strpos(pg_get_viewdef(oid), %(name)s) > 0
ORDER BY 1
"""


# If the role's search path lacks the final schema, the application has to put it first, so this does as well.
_SET_SEARCH_PATH = """
SELECT set_config('search_path', concat_ws(', ', quote_ident(%(final)s), nullif(current_setting('search_path'), '')),
                  true)
WHERE %(final)s <> ALL (current_schemas(false))
"""


def _remove_schema_references(connection: Connection, new: Sequence[SchemaObject], incoming: str, final: str) -> None:
    """Reset search paths that name the staged schema. Raise PublishError if another object still names it."""
    connection.execute("SET LOCAL search_path TO DEFAULT")
    connection.execute(_SET_SEARCH_PATH, {"final": final})
    parameters = {"oids": [o.oid for o in new], "name": incoming}
    for (statement,) in connection.execute(_RESET_SEARCH_PATHS, parameters).fetchall():
        connection.execute(statement.encode())
    mentions = [row[0] for row in connection.execute(_MENTIONS, parameters).fetchall()]
    if mentions:
        raise PublishError(
            _(
                "A migration wrote the name of schema {incoming} down in {mentions}.",
                incoming=incoming,
                mentions=mentions[0],
            ),
            detail=mentions,
            remedy=_("It asks for current_schema(), or the like: let it rely on the search path."),
        )


def _check_empty(connection: Connection, incoming: str) -> None:
    left = objects_in(connection, incoming)
    if left:
        raise PublishError(
            _(
                "Left in the incoming schema after everything was published: {objects}.",
                objects=pluralize(len(left), "object", "objects"),
            ),
            detail=[o.label for o in left],
            remedy=_("This should not happen; please report it with these lines."),
        )
