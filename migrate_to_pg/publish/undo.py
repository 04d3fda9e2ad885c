"""Undo a publication: archive the published objects and move the replaced ones back. Nothing is dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import MigrateToPgError, PublishError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.objects import SchemaObject, external_dependents, move, objects_in
from migrate_to_pg.publish import history
from migrate_to_pg.publish.archive_schemas import check_archive, dated_schemas, is_marked, mark_of, unused_schema
from migrate_to_pg.publish.copy_privileges import swap_publications
from migrate_to_pg.publish.publications import require_alterable
from migrate_to_pg.publish.publish_leftovers import published_leftovers, restore_leftovers
from migrate_to_pg.publish.required_privileges import require_owned, require_writable
from migrate_to_pg.publish.transaction import locking_transaction
from migrate_to_pg.publish.written_since import RowChanges, count_changes, count_changes_by_age
from migrate_to_pg.records import FINAL, LEFTOVERS, Publication
from migrate_to_pg.system.clock import to_local_time
from migrate_to_pg.system.threads import ignore_stop_signals

Connection = psycopg.Connection[Any]


def undo(
    connection: Connection, *, force: bool, final: str = FINAL, on_signal: Callable[[], None] | None = None
) -> Publication:
    """Undo the latest publication to ``final`` in one transaction.

    Args:
        connection: a connection to the target in autocommit mode.
        force: undo even if rows were written since.
        final: the schema that was published to.
        on_signal: is called for a signal that comes too late to stop the transaction.

    Raises:
        PublishError: there is no publication, rows were written since, or one of its tables is gone.
    """
    recorded = [entry for entry in history.entries(connection) if entry.final_schema == final]
    entry = next((entry for entry in reversed(recorded) if not entry.undone), None)
    if entry is None:
        others = history.published_schemas(connection, final)
        raise _published_elsewhere(final, others) if others else _nothing_to_undo(len(recorded))
    published = _published_objects(connection, entry)
    replaced = _replaced_objects(connection, entry) if entry.archive else []
    undone = published_leftovers(connection, entry.id)
    leftovers = list(undone.tables) if undone else []
    schemas = [entry.archive, *((LEFTOVERS, undone.archive) if undone else ())]
    for table in ("publication", "leftovers"):
        require_writable(connection, table)
    require_owned(connection, [*published, *replaced, *leftovers], schemas)
    require_alterable(connection, [new.oid for new, _old in _pairs(published, replaced)])
    archive = unused_schema(connection, "migrate_to_pg_undone")
    with ExitStack() as end, locking_transaction(connection, [*published, *replaced, *leftovers], "Undoing") as clock:
        if not force:
            _check_unwritten(connection, entry, published, leftovers)
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(archive)))
        move(connection, published, archive)
        move(connection, replaced, entry.final_schema)
        swap_publications(connection, _pairs(published, replaced))
        if entry.archive:
            connection.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(entry.archive)))
        leftovers_archive = restore_leftovers(connection, entry.id, undone) if undone else ""
        history.mark_undone(connection, entry, archive)
        end.enter_context(ignore_stop_signals(on_signal))
    return Publication(
        schema=entry.final_schema,
        tables=tuple(o.names[0] for o in replaced if o.type == "table"),
        replaced=tuple(o.names[0] for o in published if o.type == "table"),
        archive=archive,
        locked_seconds=clock.seconds,
        leftovers=undone.names if undone else (),
        leftovers_archive=leftovers_archive,
        source=entry.source,
    )


def last_undone(connection: Connection, final: str) -> history.Entry | None:
    """Return the last publication to that schema if it was undone.

    None if a publication is current, none is recorded, or this role may not read the record.
    """
    with suppress(MigrateToPgError):
        last = history.latest(connection, final)
        return last if last and last.undone else None
    return None


def describe_undone(undone: history.Entry) -> str:
    """Describe when it was published and undone, and which schema keeps its tables."""
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
    """Pair each published table with the table that it replaced."""
    former = {old.place: old for old in replaced if old.type == "table"}
    return [(new, former[new.place]) for new in published if new.place in former]


def _published_objects(connection: Connection, entry: history.Entry) -> list[SchemaObject]:
    """Return the published objects, except extensions, with their current names.

    Raises PublishError if one of them is gone, or has external dependents.
    """
    now = {o.address: o for o in objects_in(connection, entry.final_schema)}
    wanted = [o for o in entry.published if o.type != "extension"]
    gone = [o for o in wanted if o.address not in now]
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
    current = [now[o.address] for o in wanted]
    depending = external_dependents(connection, current)
    if depending:
        raise PublishError(
            _("Something made since the publication depends on the published tables."),
            detail=depending,
            remedy=_("Drop these first, then run --undo again."),
        )
    return current


def _replaced_objects(connection: Connection, entry: history.Entry) -> list[SchemaObject]:
    """Return the replaced objects. Raise PublishError if the archive schema is incomplete or has other objects."""
    is_there = entry.marks_archive and entry.archive in dated_schemas(connection)
    if is_there and not is_marked(connection, entry.archive, entry.id):
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
    replaced = check_archive(connection, entry.archive, entry.kept, entry.final_schema)
    if not replaced:
        raise PublishError(
            _("The replaced tables are gone: schema {archive} is empty.", archive=entry.archive),
            remedy=_("Restore them from a backup of the PostgreSQL database."),
        )
    return replaced


def _check_unwritten(
    connection: Connection,
    entry: history.Entry,
    published: Sequence[SchemaObject],
    leftovers: Sequence[SchemaObject],
) -> None:
    """Raise PublishError if a row was inserted, changed or deleted since, as far as the record tells."""
    # A table may have another name by now.
    names = {o.oid: o.names[0] for o in entry.published if o.type == "table"}
    places = {names[o.oid]: (entry.final_schema, o.names[0]) for o in published if o.type == "table"}
    places |= {f"{LEFTOVERS}.{o.names[0]}": (LEFTOVERS, o.names[0]) for o in leftovers}
    found = {name: _changes_of(connection, entry, name, place) for name, place in places.items()}
    written = {name: changes for name, changes in found.items() if changes.younger or changes.gone}
    if written:
        raise PublishError(
            _(
                "Rows were written since the publication of {published_at:%Y-%m-%d %H:%M}: undoing would hide them.",
                published_at=to_local_time(entry.published_at),
            ),
            detail=[f"{name}: {changes.description}" for name, changes in written.items()],
            remedy=_(
                "manage.py migrate_from_pg makes a SQLite file that has them; with --since-publish it shows them. To"
                " undo all the same, pass --undo --replace: the published tables are kept in a dated schema."
            ),
        )


def _changes_of(connection: Connection, entry: history.Entry, name: str, place: tuple[str, str]) -> RowChanges:
    rows = entry.rows.get(name)
    if entry.writers is None:
        return count_changes_by_age(connection, place, rows, entry.transaction_id)
    return count_changes(connection, place, rows, entry.writers, entry.highest.get(name))
