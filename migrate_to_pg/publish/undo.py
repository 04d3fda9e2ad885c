"""The way back: the published objects leave the final schema, the replaced ones return to it. Nothing is dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import MigrateToPgError, PublishError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.objects import SchemaObject, move, objects_in, outsiders
from migrate_to_pg.publish import history
from migrate_to_pg.publish.archive_contents import check_archive
from migrate_to_pg.publish.archive_names import dated_schemas, is_marked, mark_of, unused_schema
from migrate_to_pg.publish.copy_privileges import swap_publications
from migrate_to_pg.publish.publications import require_alterable
from migrate_to_pg.publish.publish_leftovers import published_leftovers, take_leftovers_back
from migrate_to_pg.publish.required_privileges import require_ours, require_writable
from migrate_to_pg.publish.transaction import locking_transaction
from migrate_to_pg.publish.written_since import Since, since, since_by_age
from migrate_to_pg.records import FINAL, LEFTOVERS, Publication
from migrate_to_pg.system.clock import here
from migrate_to_pg.system.signals import ignore_stop_signals

Connection = psycopg.Connection[Any]


def undo(
    connection: Connection, *, force: bool, final: str = FINAL, heard: Callable[[], None] | None = None
) -> Publication:
    """Undo the latest publication to ``final``, in one transaction; ``force`` accepts that rows were written since.

    ``heard`` is told of a signal that comes too late to end it.

    Raises PublishError where there is none, where rows were written, or where a table of it is gone.
    """
    remembered = [entry for entry in history.entries(connection) if entry.final_schema == final]
    entry = next((entry for entry in reversed(remembered) if not entry.undone), None)
    if entry is None:
        others = history.other_schemas(connection, final)
        raise _published_elsewhere(final, others) if others else _nothing_to_undo(len(remembered))
    published = _still_there(connection, entry)
    replaced = _replaced(connection, entry) if entry.archive else []
    carried = published_leftovers(connection, entry.id)
    leftovers = list(carried.tables) if carried else []
    schemas = [entry.archive, *((LEFTOVERS, carried.archive) if carried else ())]
    for table in ("publication", "leftovers"):
        require_writable(connection, table)
    require_ours(connection, [*published, *replaced, *leftovers], schemas)
    require_alterable(connection, [new.oid for new, _old in _pairs(published, replaced)])
    aside = unused_schema(connection, "migrate_to_pg_undone")
    with ExitStack() as end, locking_transaction(connection, [*published, *replaced, *leftovers], "Undoing") as clock:
        if not force:
            _require_unwritten(connection, entry, published, leftovers)
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(aside)))
        move(connection, published, aside)
        move(connection, replaced, entry.final_schema)
        swap_publications(connection, _pairs(published, replaced))
        if entry.archive:
            connection.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(entry.archive)))
        put_away = take_leftovers_back(connection, entry.id, carried) if carried else ""
        history.mark_undone(connection, entry, aside)
        end.enter_context(ignore_stop_signals(heard))
    return Publication(
        schema=entry.final_schema,
        tables=tuple(o.names[0] for o in replaced if o.type == "table"),
        replaced=tuple(o.names[0] for o in published if o.type == "table"),
        archive=aside,
        locked_seconds=clock.seconds,
        leftovers=carried.names if carried else (),
        leftovers_archive=put_away,
        source=entry.source,
    )


def last_undone(connection: Connection, final: str) -> history.Entry | None:
    """Return the last publication to that schema where it was undone, as far as this role may look.

    None where one stands there, or none is known.
    """
    with suppress(MigrateToPgError):
        last = history.latest(connection, final)
        return last if last and last.undone else None
    return None


def described(undone: history.Entry) -> str:
    """When it was published and undone, and where its tables are."""
    return _(
        "What was published to schema {final} on {published_at} was undone on {undone_at}; its tables are kept in"
        " schema {archive} until --purge.",
        final=undone.final_schema,
        published_at=f"{undone.published_at.astimezone():%Y-%m-%d %H:%M}",
        undone_at=undone.undone_at and f"{undone.undone_at.astimezone():%Y-%m-%d %H:%M}",
        archive=undone.archive,
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


def _pairs(
    published: Sequence[SchemaObject], replaced: Sequence[SchemaObject]
) -> list[tuple[SchemaObject, SchemaObject]]:
    """Each published table that replaced another, and that one."""
    former = {old.place: old for old in replaced if old.type == "table"}
    return [(new, former[new.place]) for new in published if new.place in former]


def _still_there(connection: Connection, entry: history.Entry) -> list[SchemaObject]:
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


def _replaced(connection: Connection, entry: history.Entry) -> list[SchemaObject]:
    """What was replaced: all of it, and nothing else."""
    if entry.marks_archive and entry.archive in dated_schemas(connection):
        _require_mark(connection, entry)
    replaced = check_archive(connection, entry.archive, entry.kept, entry.final_schema)
    if not replaced:
        raise PublishError(
            _("The replaced tables are gone: schema {archive} is empty.", archive=entry.archive),
            remedy=_("Restore them from a backup of the PostgreSQL database."),
        )
    return replaced


def _require_mark(connection: Connection, entry: history.Entry) -> None:
    if not is_marked(connection, entry.archive, entry.id):
        raise PublishError(
            _(
                "Schema {schema} is not marked as the one that publication {number} made, though the record names it.",
                schema=entry.archive,
                number=entry.id,
            ),
            remedy=_(
                "Nothing was changed. If it is that one, say so: COMMENT ON SCHEMA {schema} IS '{mark}';",
                schema=entry.archive,
                mark=mark_of(entry.id),
            ),
        )


def _require_unwritten(
    connection: Connection,
    entry: history.Entry,
    published: Sequence[SchemaObject],
    leftovers: Sequence[SchemaObject],
) -> None:
    """Nobody has inserted, changed or deleted a row since, as far as the record tells."""
    # A table may have another name by now.
    names = {o.oid: o.names[0] for o in entry.published if o.type == "table"}
    places = {names[o.oid]: (entry.final_schema, o.names[0]) for o in published if o.type == "table"}
    places |= {f"{LEFTOVERS}.{o.names[0]}": (LEFTOVERS, o.names[0]) for o in leftovers}
    found = {name: _since(connection, entry, name, place) for name, place in places.items()}
    written = {name: since for name, since in found.items() if since.younger or since.gone}
    if written:
        raise PublishError(
            _(
                "Rows were written since the publication of {published_at:%Y-%m-%d %H:%M}: undoing would hide them.",
                published_at=here(entry.published_at),
            ),
            detail=[f"{name}: {since.told}" for name, since in written.items()],
            remedy=_("To undo all the same, pass --undo --replace: the published tables are kept in a dated schema."),
        )


def _since(connection: Connection, entry: history.Entry, name: str, place: tuple[str, str]) -> Since:
    rows = entry.rows.get(name)
    if entry.writers is None:
        return since_by_age(connection, place, rows, entry.transaction_id)
    return since(connection, place, rows, entry.writers, entry.highest.get(name))
