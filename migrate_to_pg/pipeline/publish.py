"""Publish the staged tables in one transaction, and do what follows: export, keep the snapshot."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

import psycopg

from migrate_to_pg.dumpfile import DumpedSource
from migrate_to_pg.errors import TargetError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.pipeline.load_leftovers import LeftoversLoad
from migrate_to_pg.pipeline.reach_target import Target
from migrate_to_pg.pipeline.run import Run
from migrate_to_pg.pipeline.source import keep_snapshot
from migrate_to_pg.pipeline.stage_tables import Staged
from migrate_to_pg.postgres import target as postgres
from migrate_to_pg.publish import LockedSchemas, RunRecord, note_contents, publish
from migrate_to_pg.records import FINAL, INCOMING, LEFTOVERS_INCOMING, Snapshot
from migrate_to_pg.sqlite.checksums import require_unmodified_snapshot
from migrate_to_pg.sqlite.snapshot import Source
from migrate_to_pg.system.threads import ignore_stop_signals
from migrate_to_pg.system.usage import as_text


def publish_staged(
    run: Run,
    staged: Staged,
    leftovers: LeftoversLoad | None,
    source: Source | DumpedSource,
    snapshot: Snapshot,
    locked: LockedSchemas,
) -> None:
    """Publish, unless somebody wrote to the source since the snapshot.

    Args:
        run: the options, and the results so far.
        staged: the incoming schema.
        leftovers: the second incoming schema. None where there is none.
        source: is asked for changes immediately before the commit.
        snapshot: the copy that was verified; it stays beside the report.
        locked: the transaction in which everything was verified.
    """
    options, state = run.options, run.state
    end = ExitStack()

    def recheck() -> None:
        # A copy to try is one of the snapshot.
        if not options.accept_stale and options.trial is None:
            source.require_unchanged(snapshot)

    def recheck_and_commit() -> None:
        recheck()
        run.require_no_interrupt()
        end.enter_context(ignore_stop_signals(staged.target.standby.cancel_wait))

    with end, run.stage("publish"):
        require_unmodified_snapshot(snapshot)
        recheck()
        publication = publish(
            locked.connection,
            incoming=INCOMING,
            final=run.final,
            run=RunRecord(
                rows={table.name: table.rows for table in state.loaded.tables},
                snapshot=str(run.workdir.snapshot),
                source="" if options.from_dump else as_text(run.source_choice.path),
                excluded=options.exclude_data,
                exact_decimals=options.exact_decimals,
            ),
            existing=staged.existing,
            journal=state.examined.repairs.journal if state.examined.repairs else None,
            owner=options.owner,
            before_commit=recheck_and_commit,
            leftovers=leftovers is not None,
            locked=locked,
        )
        state.record_published(publication=publication)
        keep_snapshot(run)
    state.record_published(error=staged.target.standby.ended_early)
    if run.final != FINAL:
        search_path = (run.final, *postgres.extension_schemas(locked.connection, but=run.final))
        state.record_published(search_path=search_path)
    if source.has_changed():
        state.record_source(left_behind=source.changes(replace(snapshot, path=run.workdir.snapshot)))


def export_published(run: Run, target: Target, names: frozenset[str]) -> None:
    """Export what was published: ``names`` of the final schema. It stays published where that fails."""
    if target.archive is None:
        return
    with run.stage("export"):
        try:
            run.state.record_published(exported=target.archive.dump_published(run.final, names))
        except (TargetError, psycopg.Error) as error:
            run.state.record_published(export_error=str(error))
        except KeyboardInterrupt:
            run.state.record_published(export_error=_("Interrupted."))


def keep_staged(run: Run, target: Target, leftovers: LeftoversLoad | None) -> None:
    """Export a rehearsal's staged tables, and keep them, as far as that was asked for."""
    if target.archive:
        with run.stage("export"):
            run.state.record_published(exported=target.archive.dump_rehearsal(INCOMING, run.final))
    if run.options.keep:
        keep_snapshot(run)
        for name in (INCOMING, LEFTOVERS_INCOMING) if leftovers else (INCOMING,):
            note_contents(target.connection, name)
        target.keep_incoming = True
