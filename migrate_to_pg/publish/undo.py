"""The way back: the published objects leave the final schema, the replaced ones return to it. Nothing is dropped.

In: a connection. Out: the Publication that was undone. ``drop_dated_schemas`` drops, when a person asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import PublishError
from migrate_to_pg.language import counted
from migrate_to_pg.language import gettext as _
from migrate_to_pg.publish import bookkeeping
from migrate_to_pg.publish.dated import dated_schemas, unused_schema
from migrate_to_pg.publish.leftovers import (
    leftovers_kept_for_others,
    published_leftovers,
    take_leftovers_back,
)
from migrate_to_pg.publish.likeness import swap_publications
from migrate_to_pg.publish.objects import SchemaObject, move, objects_in, outsiders
from migrate_to_pg.publish.transaction import locking_transaction
from migrate_to_pg.records import FINAL, LEFTOVERS, Publication
from migrate_to_pg.target import drop_schema

__all__ = ["dated_schemas", "drop_dated_schemas", "purgeable_schemas", "undo"]

Connection = psycopg.Connection[Any]


def undo(connection: Connection, *, force: bool, final: str = FINAL) -> Publication:
    """Undo the latest publication to ``final``, in one transaction; ``force`` accepts that rows were written since.

    Raises PublishError where there is none, where rows were written, or where a table of it is gone.
    """
    entry = bookkeeping.last(connection, final)
    if entry is None:
        others = bookkeeping.other_schemas(connection, final)
        raise _published_elsewhere(final, others) if others else _nothing_to_undo(bookkeeping.undone(connection, final))
    published = _still_there(connection, entry)
    replaced = objects_in(connection, entry.archive) if entry.archive else []
    _require_archive(entry, replaced)
    carried = published_leftovers(connection, entry.id)
    leftovers = list(carried.tables) if carried else []
    aside = unused_schema(connection, "migrate_to_pg_undone")
    with locking_transaction(connection, [*published, *replaced, *leftovers], "Undoing") as clock:
        if not force:
            _require_unwritten(connection, entry, published, leftovers)
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(aside)))
        for moved in published:
            move(connection, moved, aside)
        for moved in replaced:
            move(connection, moved, entry.final_schema)
        _give_publications_back(connection, published, replaced)
        if entry.archive:
            connection.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(entry.archive)))
        put_away = take_leftovers_back(connection, entry.id, carried) if carried else ""
        bookkeeping.mark_undone(connection, entry, aside)
    return Publication(
        schema=entry.final_schema,
        tables=tuple(o.names[0] for o in replaced if o.type == "table"),
        replaced=tuple(o.names[0] for o in published if o.type == "table"),
        archive=aside,
        locked_seconds=clock.seconds,
        leftovers=carried.names if carried else (),
        leftovers_archive=put_away,
    )


def _published_elsewhere(final: str, others: Sequence[str]) -> PublishError:
    return PublishError(
        _(
            "There is nothing to undo in schema {final}: what is published is in {others}.",
            final=final,
            others=", ".join(others),
        ),
        remedy=_("Name the schema as it was named when it was published to, with --publish-to."),
    )


def _nothing_to_undo(undone: int) -> PublishError:
    if undone:
        recorded = _("the one publication") if undone == 1 else _("each of the {undone} publications", undone=undone)
        return PublishError(
            _("There is nothing to undo: {recorded} recorded in this database was undone already.", recorded=recorded),
            remedy=_("What was published is kept in schemas migrate_to_pg_undone_<date>, until --purge."),
        )
    return PublishError(
        _("There is nothing to undo: no publication is recorded in this database."),
        remedy=_("Check that --target names the database that migrate_to_pg published to."),
    )


def _give_publications_back(
    connection: Connection, published: Sequence[SchemaObject], replaced: Sequence[SchemaObject]
) -> None:
    for old in replaced:
        for new in published:
            if old.type == "table" and new.succeeds(old):
                swap_publications(connection, old=new.oid, new=old.oid)


def _still_there(connection: Connection, entry: bookkeeping.Entry) -> list[SchemaObject]:
    """The published objects as they are named now; extensions stay where they are."""
    now = {(o.class_oid, o.oid): o for o in objects_in(connection, entry.final_schema)}
    wanted = [o for o in entry.published if o.type != "extension"]
    gone = [o for o in wanted if (o.class_oid, o.oid) not in now]
    if gone:
        raise PublishError(
            _(
                "{count} published objects are no longer in schema {final_schema}: {label}.",
                count=len(gone),
                final_schema=entry.final_schema,
                label=gone[0].label,
            ),
            detail=[o.label for o in gone],
            remedy=_(
                "The database has moved on since; bring the old tables back by hand from schema {archive}.",
                archive=entry.archive or _("(none was kept)"),
            ),
        )
    current = [now[o.class_oid, o.oid] for o in wanted]
    depending = outsiders(connection, current)
    if depending:
        raise PublishError(
            _("Something made since the publication depends on the published tables."),
            detail=depending,
            remedy=_("Drop these first, then run --undo again."),
        )
    return current


def _require_archive(entry: bookkeeping.Entry, replaced: list[SchemaObject]) -> None:
    if entry.archive and not replaced:
        raise PublishError(
            _("The replaced tables are gone: schema {archive} is not there any more.", archive=entry.archive),
            remedy=_("Restore them from a backup of the PostgreSQL database."),
        )


def _require_unwritten(
    connection: Connection,
    entry: bookkeeping.Entry,
    published: Sequence[SchemaObject],
    leftovers: Sequence[SchemaObject],
) -> None:
    """Rows inserted or changed since have a younger xmin; deleted ones are missing from the count."""
    written = []
    for table in published:
        if table.type == "table":
            written += _written(connection, entry, entry.final_schema, table.names[0], table.names[0])
    for table in leftovers:
        name = table.names[0]
        written += _written(connection, entry, LEFTOVERS, name, f"{LEFTOVERS}.{name}")
    if written:
        raise PublishError(
            _(
                "Rows were written since the publication of {published_at:%Y-%m-%d %H:%M}: undoing would hide them.",
                published_at=entry.published_at,
            ),
            detail=written,
            remedy=_("To undo all the same, pass --undo --replace: the published tables are kept in a dated schema."),
        )


def _written(connection: Connection, entry: bookkeeping.Entry, schema: str, table: str, name: str) -> list[str]:
    """``name`` is what the publication remembers the table by."""
    # Not as a parameter: the name of a table may hold a %s.
    query = sql.SQL("SELECT count(*), count(*) FILTER (WHERE age(xmin) < age({}::xid)) FROM {}").format(
        sql.Literal(entry.transaction_id), sql.Identifier(schema, table)
    )
    row = connection.execute(query).fetchone()
    total, younger = row if row else (0, 0)
    gone = max(entry.rows.get(name, total) - (total - younger), 0)
    return (
        [
            _(
                "{name}: {younger} inserted or changed, {gone:,} changed or deleted",
                name=name,
                younger=counted(younger, "row", "rows"),
                gone=gone,
            )
        ]
        if younger or gone
        else []
    )


def purgeable_schemas(connection: Connection, final: str = FINAL) -> tuple[str, ...]:
    """The dated schemas, but those that keep what was replaced or undone in another schema."""
    others = {*bookkeeping.kept_for_others(connection, final), *leftovers_kept_for_others(connection, final)}
    return tuple(name for name in dated_schemas(connection) if name not in others)


def drop_dated_schemas(connection: Connection, final: str = FINAL) -> None:
    """Drop these with everything in them; PublishError where something outside of one depends on it."""
    for name in purgeable_schemas(connection, final):
        depending = outsiders(connection, objects_in(connection, name))
        if depending:
            raise PublishError(
                _("Schema {name} is still used.", name=name),
                detail=depending,
                remedy=_("Drop these first, then run --purge again."),
            )
        drop_schema(connection, name)
