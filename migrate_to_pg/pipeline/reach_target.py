"""Reach the target: start or connect to the server, take its lock, and clean up when the run is over."""

from __future__ import annotations

import contextlib
import shlex
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import psycopg

from migrate_to_pg.errors import TargetError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.load import resume
from migrate_to_pg.load.pgloader_command import pgloader_target
from migrate_to_pg.pipeline.export import Archive
from migrate_to_pg.pipeline.next_steps import of_server
from migrate_to_pg.pipeline.run import Run
from migrate_to_pg.pipeline.subscribers import publications_of_a_move
from migrate_to_pg.postgres import target
from migrate_to_pg.postgres.embedded import EmbeddedServer
from migrate_to_pg.postgres.standby import StandbyWatch, skip_standby, watch_commits
from migrate_to_pg.project.settings_entry import how_to_switch, is_in_force
from migrate_to_pg.project.target_database import TargetChoice, choose_target, embedded_directory
from migrate_to_pg.publish import Extensions, require_owner
from migrate_to_pg.records import INCOMING, LEFTOVERS_INCOMING
from migrate_to_pg.rules.run_findings import publication_finding


@dataclass(kw_only=True)
class Target:
    """The target as this run reached it; no other run works on it."""

    choice: TargetChoice
    connection: psycopg.Connection[Any]
    standby: StandbyWatch
    #: The archive of --export.
    archive: Archive | None
    #: Extensions that the run makes in the final schema.
    extensions: Extensions = field(default_factory=Extensions)
    #: Whether the staged tables stay after the run: --keep.
    keep_incoming: bool = False

    @property
    def conninfo(self) -> str:
        """The connection string, with its password."""
        return self.choice.conninfo

    def shared_schemas(self, final: str) -> tuple[str, ...]:
        """Return the schemas whose extensions the migrations need."""
        shared = target.extension_schemas(self.connection)
        made_there = self.extensions.made and final not in shared
        return (*shared, final) if made_there else shared


def require_named_target(run: Run) -> None:
    """Raise UsageError where --target names no database, before the source is read."""
    # The embedded server would be started by it.
    if run.options.mode not in ("check", "dump") and embedded_directory(run.options.target) is None:
        _ = choose_target(run.options.target).conninfo


def choose(run: Run, *, published: bool = False) -> TargetChoice:
    """Return the database that the options name. The time in which an embedded server starts is a stage's."""
    if embedded_directory(run.options.target) is None:
        return choose_target(run.options.target, published=published)
    with run.stage("server start"):
        return choose_target(run.options.target, published=published)


def reach_target(run: Run, stack: ExitStack) -> Target:
    """Connect to the target until ``stack`` is left, and take the lock that keeps other runs away.

    When it is left, the incoming schema is dropped, and a server that a rehearsal started is stopped.
    """
    options = run.options
    choice = choose(run)
    for line in choice.server.place.notes if choice.server else ():
        run.note(line)
    rehearsing = options.mode == "rehearse" and not options.keep
    if choice.server is not None and rehearsing and not choice.server.joined:
        stack.callback(_stop, run, choice.server)
    connection = stack.enter_context(target.connect(choice.conninfo, schema=run.final))
    run.state.record_target(
        facts=target.describe_server(connection, run.final, embedded=choice.place),
        switch=how_to_switch(run.source_choice.alias, choice.database),
        in_force=is_in_force(run.source_choice.alias, choice.database),
    )
    if options.owner:
        require_owner(connection, options.owner, run.final)
    publications = publications_of_a_move(connection, run.final, accepted=options.accept_publications)
    run.state.record_target(publications=publications)
    run.state.notes += tuple(map(publication_finding, publications))
    if options.engine == "pgloader":
        pgloader_target(connection, choice.conninfo)
    archive = Archive(options.export, connection, run.workdir.child, options.export_for) if options.export else None
    target.take_run_lock(connection)
    standby = stack.enter_context(watch_commits(connection, run.note))
    reached = Target(choice=choice, connection=connection, standby=standby, archive=archive)
    stack.callback(_drop_incoming, run, reached)
    return reached


def _stop(run: Run, server: EmbeddedServer) -> None:
    """Stop a server that the rehearsal started, unless somebody else uses it."""
    with run.stage("server stop"):
        stopped = server.stop_unless_used()
    if not stopped:
        run.note(
            _(
                "The embedded server still runs: somebody else is connected to it. To stop it: {command}",
                command=f"{of_server(run.options)} --stop {shlex.quote(str(server.directory))}",
            )
        )


def _drop_incoming(run: Run, reached: Target) -> None:
    """Drop what the run made on the target, but for what was published and what --keep keeps."""
    if reached.keep_incoming:
        return
    connection = reached.connection
    try:
        skip_standby(connection)
        target.drop_schema(connection, INCOMING)
        target.drop_schema(connection, LEFTOVERS_INCOMING)
        resume.drop(connection)
        if not run.state.published.publication:
            reached.extensions.drop()
    except TargetError as error:
        # Something was built upon it while the run went on. The next run refuses, and names it.
        run.note(f"{error} {error.detail[0]}")
    except psycopg.Error:
        # A connection that was interrupted within a statement takes no other. Where the server is gone as well, the
        # next run cleans up.
        with contextlib.suppress(psycopg.Error):
            target.drop_on_new_connection(connection, reached.conninfo, INCOMING, LEFTOVERS_INCOMING)
