"""A proven incoming schema in, the same tables in the final schema out, in one transaction; and the way back.

Whoever looks sees either all of the old tables or all of the new ones. What was replaced goes to a dated schema.
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
from migrate_to_pg.postgres.objects import SchemaObject, move, objects_in, replaced_by
from migrate_to_pg.postgres.schema_contents import note_contents
from migrate_to_pg.publish import history
from migrate_to_pg.publish.archive_names import unused_schema
from migrate_to_pg.publish.copy_privileges import copy_properties, give_defaults, policies
from migrate_to_pg.publish.existing_tables import (
    ExistingTables,
    certain_user_data,
    check_unchanged,
    inspect_existing,
    require_replaceable,
)
from migrate_to_pg.publish.extensions import Extensions, require_movable
from migrate_to_pg.publish.guard import Held, hold
from migrate_to_pg.publish.owner import require_owner, set_owner
from migrate_to_pg.publish.preconditions import check_preconditions
from migrate_to_pg.publish.publish_leftovers import check_leftovers_preconditions, publish_leftovers
from migrate_to_pg.publish.repair_log import write_repair_log
from migrate_to_pg.publish.transaction import locking_transaction
from migrate_to_pg.publish.written_since import written
from migrate_to_pg.records import LEFTOVERS, LEFTOVERS_INCOMING, Publication

__all__ = [
    "ExistingTables",
    "Extensions",
    "Held",
    "certain_user_data",
    "check_leftovers_preconditions",
    "check_preconditions",
    "hold",
    "inspect_existing",
    "note_contents",
    "publish",
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
    rows: dict[str, int],
    snapshot: str,
    before_commit: Callable[[], None],
    standing: ExistingTables | None = None,
    source: str = "",
    journal: Path | None = None,
    leftovers: bool = False,
    owner: str = "",
    left_out: Sequence[str] = (),
    exact_decimals: bool = False,
    held: Held | None = None,
) -> Publication:
    """Move every object of ``incoming`` into ``final``; remember ``rows`` (table -> rows), ``snapshot``, ``source``,
    ``left_out``, ``exact_decimals``.

    All of them belong to ``owner`` then; without one, to whom the replaced ones belonged, else to this role.

    So is, where there is a ``journal``, every row that was set aside and every cell that was changed. With
    ``leftovers`` the tables that no migration knows take their place in the same transaction.

    ``standing`` is what was surveyed, and alone may be replaced; without it whatever is there may. ``held`` is what
    was locked before it was verified: this ends its transaction, too.

    ``before_commit`` is called last within the transaction: what it raises rolls all of it back. Raises PublishError
    where locks are not had, a name clashes, something foreign depends on a replaced table, or anything remains.
    """
    check_preconditions(connection, incoming, final)
    new = objects_in(connection, incoming)
    old = replaced_by(new, objects_in(connection, final))
    archive = unused_schema(connection, "migrate_to_pg_replaced") if old else ""
    # Before anybody has to wait for it: all rows are read.
    rows_written = written(connection, _places(connection, incoming, leftovers=leftovers))
    with (
        locking_transaction(connection, old, "Publishing", held.transaction if held else None) as clock,
        held.unwritten() if held else nullcontext(),
    ):
        if standing:
            check_unchanged(connection, standing, incoming, final)
        if held:
            held.require_same_members()
        pairs = _pairs(old, new)
        policed = policies(connection, [(o, n) for o, n in pairs if o.type == "table"])
        _archive(connection, old, archive)
        move(connection, new, final)
        if held:
            held.require_same()
        copy_properties(connection, pairs)
        former = {o.place for o in old}
        give_defaults(connection, (n for n in new if n.place not in former), schema=final, owner=owner)
        for statement in policed:
            connection.execute(statement.encode())
        _forget(connection, new, incoming, final)
        _require_empty(connection, incoming)
        connection.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(incoming)))
        publication = history.record_publication(
            connection,
            final=final,
            archive=archive,
            objects=new,
            kept=old,
            rows=rows,
            written=rows_written,
            snapshot=snapshot,
            source=source,
            left_out=left_out,
            exact_decimals=exact_decimals,
        )
        if journal:
            write_repair_log(connection, publication, journal)
        if owner:
            there = {(o.class_oid, o.oid) for o in new}
            set_owner(connection, (o for o in objects_in(connection, final) if (o.class_oid, o.oid) in there), owner)
        carried = publish_leftovers(connection, publication, owner) if leftovers else None
        before_commit()
        if held:
            held.require_same_columns()
    return Publication(
        schema=final,
        tables=_tables(new),
        replaced=_tables(old),
        archive=archive,
        locked_seconds=clock.seconds,
        leftovers=carried.names if carried else (),
        leftovers_archive=carried.archive if carried else "",
        source=source,
    )


def _places(connection: Connection, incoming: str, *, leftovers: bool) -> dict[str, tuple[str, str]]:
    """What the record calls each table -> where it is before it is published."""
    places = {name: (incoming, name) for name in _tables(objects_in(connection, incoming))}
    if leftovers:
        carried = _tables(objects_in(connection, LEFTOVERS_INCOMING))
        places |= {f"{LEFTOVERS}.{name}": (LEFTOVERS_INCOMING, name) for name in carried}
    return places


def _tables(objects: Sequence[SchemaObject]) -> tuple[str, ...]:
    return tuple(o.names[0] for o in objects if o.type == "table")


def _pairs(old: Sequence[SchemaObject], new: Sequence[SchemaObject]) -> list[tuple[SchemaObject, SchemaObject]]:
    """(what is replaced, its successor)."""
    successors = {n.place: n for n in new}
    return [(o, successors[o.place]) for o in old]


def _archive(connection: Connection, old: Sequence[SchemaObject], archive: str) -> None:
    if old:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(archive)))
        move(connection, old, archive)


# CREATE FUNCTION ... SET search_path FROM CURRENT wrote the staged schema's name down: now it means what it means in
# any session of this role that sees the final schema.
_SETTINGS = """
SELECT format('ALTER ROUTINE %%s SET search_path FROM CURRENT', oid::regprocedure) FROM pg_proc
WHERE oid = ANY (%(oids)s::oid[]) AND strpos(proconfig::text, %(name)s) > 0
"""

# What PostgreSQL keeps as text does not follow an object to its new schema.
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


# Where the role's own search path lacks it, the final schema comes first: so will the application set it.
_SEEN = """
SELECT set_config('search_path', concat_ws(', ', quote_ident(%(final)s), nullif(current_setting('search_path'), '')),
                  true)
WHERE %(final)s <> ALL (current_schemas(false))
"""


def _forget(connection: Connection, new: Sequence[SchemaObject], incoming: str, final: str) -> None:
    """Nothing published may name the staged schema, which is about to go."""
    connection.execute("SET LOCAL search_path TO DEFAULT")
    connection.execute(_SEEN, {"final": final})
    parameters = {"oids": [o.oid for o in new], "name": incoming}
    for (statement,) in connection.execute(_SETTINGS, parameters).fetchall():
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


def _require_empty(connection: Connection, incoming: str) -> None:
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
