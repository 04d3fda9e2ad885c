"""A proven incoming schema in, the same tables in the final schema out, in one transaction; and the way back.

Whoever looks sees either all of the old tables or all of the new ones. What was replaced goes to a dated schema.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import PublishError
from migrate_to_pg.publish import bookkeeping
from migrate_to_pg.publish.likeness import give_defaults, make_like
from migrate_to_pg.publish.objects import SchemaObject, move, objects_in, outsiders, replaced_by
from migrate_to_pg.publish.standing import (
    StandingTable,
    require_as_surveyed,
    require_replaceable,
    survey,
)
from migrate_to_pg.publish.transaction import locking_transaction
from migrate_to_pg.records import Publication

__all__ = ["StandingTable", "publish", "require_replaceable", "survey"]

Connection = psycopg.Connection[Any]


def publish(
    connection: Connection,
    *,
    incoming: str,
    final: str,
    standing: Sequence[StandingTable],
    rows: dict[str, int],
    snapshot: str,
    before_commit: Callable[[], None],
) -> Publication:
    """Move every object of ``incoming`` into ``final``; ``rows`` (table -> rows) and ``snapshot`` are remembered.

    ``before_commit`` is called last within the transaction: what it raises rolls all of it back. Raises PublishError
    where locks are not had, a name clashes, something foreign depends on a replaced table, or anything remains.
    """
    new = objects_in(connection, incoming)
    old = replaced_by(new, objects_in(connection, final))
    _require_movable(connection, old, final)
    archive = dated("migrate_to_pg_replaced") if old else ""
    with locking_transaction(connection, old, "Publishing") as clock:
        require_as_surveyed(connection, standing, final)
        _archive(connection, old, archive)
        for moved in new:
            move(connection, moved, final)
        _dress(connection, old, new, final)
        _require_empty(connection, incoming)
        connection.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(incoming)))
        bookkeeping.remember(connection, final=final, archive=archive, objects=new, rows=rows, snapshot=snapshot)
        before_commit()
    return Publication(
        schema=final,
        tables=_tables(new),
        replaced=_tables(old),
        archive=archive,
        locked_seconds=clock.seconds,
    )


def dated(prefix: str) -> str:
    """A schema name with the present moment in it, UTC."""
    return f"{prefix}_{datetime.now(UTC):%Y%m%d_%H%M%S}"


def _tables(objects: Sequence[SchemaObject]) -> tuple[str, ...]:
    return tuple(o.names[0] for o in objects if o.type == "table")


def _archive(connection: Connection, old: Sequence[SchemaObject], archive: str) -> None:
    if not old:
        return
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(archive)))
    # What others are built on is listed first; it is moved last, which PostgreSQL does not mind.
    for moved in old:
        if moved.type != "extension":
            move(connection, moved, archive)


def _dress(connection: Connection, old: Sequence[SchemaObject], new: Sequence[SchemaObject], final: str) -> None:
    """Grants, owner and the rest, as on the replaced table; the schema's defaults for a table that replaces none."""
    former = {o.names[0]: o.oid for o in old if o.type == "table"}
    for table in new:
        if table.type != "table":
            continue
        if table.names[0] in former:
            make_like(connection, old=former[table.names[0]], new=table.oid)
        else:
            give_defaults(connection, new=table.oid, schema=final)


def _require_movable(connection: Connection, old: Sequence[SchemaObject], final: str) -> None:
    """Everything that would be replaced must be ours to move, and nothing else may depend on it."""
    query = """
        SELECT oid::regclass::text FROM pg_class WHERE oid = ANY (%s::oid[]) AND NOT pg_has_role(relowner, 'USAGE')
    """
    foreign = connection.execute(query, [[o.oid for o in old]]).fetchall()
    if foreign:
        raise PublishError(
            f"{len(foreign)} tables that would be replaced belong to another role: {foreign[0][0]}.",
            remedy=f"Connect as their owner, or run: ALTER TABLE {foreign[0][0]} OWNER TO {connection.info.user};",
        )
    depending = outsiders(connection, old)
    if depending:
        raise PublishError(
            f"Something in the database depends on tables of {final} that would be replaced.",
            detail=depending,
            remedy="Drop these and make them again afterwards: they would go on reading the replaced tables.",
        )


def _require_empty(connection: Connection, incoming: str) -> None:
    left = objects_in(connection, incoming)
    if left:
        raise PublishError(
            f"{len(left)} objects could not be published: {left[0].label}.",
            detail=[o.label for o in left],
            remedy="This should not happen; please report it with these lines.",
        )
