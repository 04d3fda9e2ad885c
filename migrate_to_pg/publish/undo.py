"""The way back: the published objects leave the final schema, the replaced ones return to it. Nothing is dropped.

In: a connection. Out: the Publication that was undone. ``drop_dated_schemas`` drops, when a person asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import PublishError
from migrate_to_pg.language import gettext as _
from migrate_to_pg.publish import bookkeeping
from migrate_to_pg.publish.dated import dated_schemas, unused_schema
from migrate_to_pg.publish.likeness import swap_publications
from migrate_to_pg.publish.objects import SchemaObject, move, objects_in, outsiders
from migrate_to_pg.publish.transaction import locking_transaction
from migrate_to_pg.records import Publication
from migrate_to_pg.target import drop_schema

__all__ = ["dated_schemas", "drop_dated_schemas", "undo"]

Connection = psycopg.Connection[Any]


def undo(connection: Connection, *, force: bool) -> Publication:
    """Undo the latest publication, in one transaction; ``force`` accepts that rows were written since.

    Raises PublishError where there is none, where rows were written, or where a table of it is gone.
    """
    entry = bookkeeping.last(connection)
    if entry is None:
        raise _nothing_to_undo(bookkeeping.undone(connection))
    published = _still_there(connection, entry)
    replaced = objects_in(connection, entry.archive) if entry.archive else []
    _require_archive(entry, replaced)
    aside = unused_schema(connection, "migrate_to_pg_undone")
    with locking_transaction(connection, [*published, *replaced], "Undoing") as clock:
        if not force:
            _require_unwritten(connection, entry, published)
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(aside)))
        for moved in published:
            move(connection, moved, aside)
        for moved in replaced:
            move(connection, moved, entry.final_schema)
        _give_publications_back(connection, published, replaced)
        if entry.archive:
            connection.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(entry.archive)))
        bookkeeping.mark_undone(connection, entry)
    return Publication(
        schema=entry.final_schema,
        tables=tuple(o.names[0] for o in replaced if o.type == "table"),
        replaced=tuple(o.names[0] for o in published if o.type == "table"),
        archive=aside,
        locked_seconds=clock.seconds,
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


def _require_unwritten(connection: Connection, entry: bookkeeping.Entry, published: list[SchemaObject]) -> None:
    """Rows inserted or changed since have a younger xmin; deleted ones are missing from the count."""
    written = []
    for table in published:
        if table.type == "table":
            written += _written(connection, entry, table)
    if written:
        raise PublishError(
            _(
                "Rows were written since the publication of {published_at:%Y-%m-%d %H:%M}: undoing would hide them.",
                published_at=entry.published_at,
            ),
            detail=written,
            remedy=_("To undo all the same, pass --undo --replace: the published tables are kept in a dated schema."),
        )


def _written(connection: Connection, entry: bookkeeping.Entry, table: SchemaObject) -> list[str]:
    name = table.names[0]
    query = sql.SQL("SELECT count(*), count(*) FILTER (WHERE age(xmin) < age(%s::xid)) FROM {}").format(
        sql.Identifier(entry.final_schema, name)
    )
    row = connection.execute(query, [entry.transaction_id]).fetchone()
    total, younger = row if row else (0, 0)
    gone = max(entry.rows.get(name, total) - (total - younger), 0)
    return (
        [
            _(
                "{name}: {younger:,} rows inserted or changed, {gone:,} changed or deleted",
                name=name,
                younger=younger,
                gone=gone,
            )
        ]
        if younger or gone
        else []
    )


def drop_dated_schemas(connection: Connection) -> None:
    """Drop them with everything in them; PublishError where something outside of one depends on it."""
    for name in dated_schemas(connection):
        depending = outsiders(connection, objects_in(connection, name))
        if depending:
            raise PublishError(
                _("Schema {name} is still used.", name=name),
                detail=depending,
                remedy=_("Drop these first, then run --purge again."),
            )
        drop_schema(connection, name)
