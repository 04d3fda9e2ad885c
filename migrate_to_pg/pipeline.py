"""Options in, a Report out: the stages in order, told as Events. The library never prints.

Whatever stops a run ends up in the report as a Failure: a caller gets a Report in every case, and nothing was
published unless ``report.publication`` is there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from migrate_to_pg import resume, staging, target
from migrate_to_pg.catalog import read_target
from migrate_to_pg.columns.reader import TableBatch
from migrate_to_pg.description import Described, describe
from migrate_to_pg.endpoints import TargetChoice, choose_target
from migrate_to_pg.errors import BlockedError, ProofError
from migrate_to_pg.examine import UnsoundError, examine, require_sound
from migrate_to_pg.language import counted
from migrate_to_pg.language import gettext as _
from migrate_to_pg.load import load
from migrate_to_pg.mending import Accepted, is_called_for, mend
from migrate_to_pg.migrations import fresh_rows, make_unmigrated_tables, run_migrations
from migrate_to_pg.offline import target_tables
from migrate_to_pg.prove import prove
from migrate_to_pg.prove.schema import require_described, require_identities, require_validated
from migrate_to_pg.publish import StandingTable, publish, require_replaceable, survey
from migrate_to_pg.records import (
    FINAL,
    INCOMING,
    Options,
    Plan,
    Report,
    Snapshot,
    SourceCatalog,
)
from migrate_to_pg.rules import accepted_rules, quarantined_rules
from migrate_to_pg.running import Progress, Running, silent
from migrate_to_pg.snapshot import Source, file_sha256, require_space
from migrate_to_pg.stand_in import standing_in
from migrate_to_pg.words import estimate


def run(options: Options, progress: Progress = silent) -> Report:
    """Do what the options ask: check, rehearse or publish.

    Returns the report of it, also written to its directory, whether the run succeeded or not. Only a UsageError from
    before anything was begun is raised.
    """
    return _Move(options, progress).go()


class Ready(NamedTuple):
    """What load reads."""

    plan: Plan
    path: Path
    #: Of that file, where it is known.
    sha256: str = ""


class _Road(NamedTuple):
    """How load reaches the target: by its own connections, and by ours for what it notes."""

    connection: psycopg.Connection[Any]
    conninfo: str


class _Move(Running):
    """Check, rehearse or publish."""

    def __init__(self, options: Options, progress: Progress) -> None:
        # Before anything is made: a rule that is none is a matter of usage.
        self.accepted = Accepted(fix=accepted_rules(options.fix), quarantine=quarantined_rules(options.quarantine))
        super().__init__(options, progress)
        #: The incoming schema as the migrations made it.
        self.made: frozenset[Described] = frozenset()

    def stages(self, stack: ExitStack) -> None:
        source = stack.enter_context(Source(self.source_choice.path))
        stack.callback(self.look_again, source)
        require_space(self.workplace.directory, source.size)
        self.note(estimate(source.size))
        if self.options.mode == "check":
            self._check(source)
            return
        choice = choose_target(self.options.target)
        rehearsing = self.options.mode == "rehearse" and not self.options.keep
        if choice.server is not None and rehearsing and not choice.server.joined:
            stack.callback(choice.server.stop)
        connection = stack.enter_context(target.connect(choice.conninfo, schema=FINAL))
        self.facts.target = target.facts(connection, FINAL)
        target.take_run_lock(connection)
        stack.callback(self._drop_incoming, connection, choice.conninfo)
        self._migrate(source, choice, connection)

    def _check(self, source: Source) -> None:
        """Snapshot and examine, against the types that the models give; no server is asked."""
        snapshot = self.snapshot(source)
        with self.stage("catalog"):
            catalog = self.facts.catalog = self.read_source(snapshot)
            tables = target_tables(catalog.applied_migrations)
            plan = self.plan(catalog, tables)
        self._examine(plan, catalog, snapshot)
        if self.options.keep:
            self._keep_snapshot()

    def _migrate(self, source: Source, choice: TargetChoice, connection: psycopg.Connection[Any]) -> None:
        snapshot = self.snapshot(source)
        with self.stage("catalog"):
            catalog = self.facts.catalog = self.read_source(snapshot)
        plan, standing, aside = self._stage_tables(choice, connection, catalog)
        loaded = self._examine_and_load(plan, catalog, snapshot, _Road(connection, choice.conninfo))
        with self.stage("restore"):
            self._restore(plan, aside, connection, choice.conninfo)
        self._prove(plan, snapshot, loaded, choice, connection)
        if self.options.mode == "publish":
            self._publish(source, snapshot, connection, standing)
        elif self.options.keep:
            self._keep_snapshot()
            self.facts.keep_incoming = True

    def _stage_tables(
        self, choice: TargetChoice, connection: psycopg.Connection[Any], catalog: SourceCatalog
    ) -> tuple[Plan, tuple[StandingTable, ...], staging.SetAside]:
        """The project's tables in the incoming schema, empty and bare; and what stands where they are to go."""
        with self.stage("stage"):
            resume.set_by(connection)
            target.create_schema(connection, INCOMING)
            staged = choice.staging(target.extension_schemas(connection))
            with target.untouched(connection, FINAL), standing_in(self.source_choice.alias, staged) as django:
                missing = run_migrations(django, catalog.applied_migrations, self.progress, final=FINAL)
                make_unmigrated_tables(django, [table.name for table in catalog.tables])
            self._note_unapplied(missing)
            tables = read_target(connection, INCOMING)
            plan = self.plan(catalog, tables)
            standing = survey(connection, INCOMING, FINAL, fresh_rows())
            if self.options.mode == "publish":
                require_replaceable(standing, FINAL, replace=self.options.replace)
            self.made = describe(connection, INCOMING)
            aside = staging.set_aside(connection, INCOMING)
            staging.empty(connection, INCOMING, plan)
        return plan, standing, aside

    def _examine_and_load(self, plan: Plan, catalog: SourceCatalog, snapshot: Snapshot, road: _Road) -> Path:
        """At first sight where nothing was accepted: values are judged as they are sent, in one reading of them.

        Where that finds anything, staging is empty again and all is examined first. Returns the file that was loaded.
        """
        if not self.accepted and self._loads_at_first_sight(plan, catalog, snapshot, road):
            return snapshot.path
        ready = self._examine(plan, catalog, snapshot)
        with self.stage("load"):
            self._send(ready, road)
        return ready.path

    def _loads_at_first_sight(self, plan: Plan, catalog: SourceCatalog, snapshot: Snapshot, road: _Road) -> bool:
        self._find(plan, catalog, snapshot, values=False)
        if any(finding.blocks for finding in self.facts.findings):
            return False
        ready = Ready(plan, snapshot.path, snapshot.sha256)
        with self.stage("load"):
            try:
                self._send(ready, road, require_sound=require_sound)
            except UnsoundError:
                staging.empty(road.connection, INCOMING, plan)
            else:
                return True
        self.note(_("A value stands in the way: all of them are examined."))
        return False

    def _find(self, plan: Plan, catalog: SourceCatalog, snapshot: Snapshot, *, values: bool = True) -> None:
        with self.stage("examine"):
            self.facts.findings = examine(
                plan,
                catalog,
                snapshot.path,
                accepted=self.accepted.fix,
                skip_leftovers=self.options.skip_leftovers,
                values=values,
                jobs=self.options.jobs,
                progress=self.progress,
                original=snapshot.source,
            )

    def _examine(self, plan: Plan, catalog: SourceCatalog, snapshot: Snapshot) -> Ready:
        """The plan and the file that load is to read: the snapshot, or a working copy with the accepted repairs."""
        self._find(plan, catalog, snapshot)
        ready = Ready(plan, snapshot.path, snapshot.sha256)
        if is_called_for(self.facts.findings, self.accepted):
            ready = self._mend(plan, catalog, snapshot)
        blocking = [finding for finding in self.facts.findings if finding.blocks]
        if blocking:
            raise BlockedError(
                _(
                    "{findings_stand} in the way.",
                    findings_stand=counted(len(blocking), "finding stands", "findings stand"),
                ),
                remedy=_("Do what each finding says, or accept its repair with --fix or --quarantine, then run again."),
            )
        return ready

    def _send(self, ready: Ready, road: _Road, **judged: Callable[[TableBatch], None]) -> None:
        """Load, from where a run that died came to, where there was one."""
        key = resume.load_key(ready.plan, ready.sha256 or file_sha256(ready.path), self.options)
        whole = resume.take_over(road.connection, key, ready.plan)
        if whole:
            self.note(
                _(
                    "{tables_were} loaded by a run that died; it goes on there.",
                    tables_were=counted(len(whole), "table was", "tables were"),
                )
            )
        resume.begin(road.connection, key, ready.plan, whole)
        self.facts.loaded = load(
            ready.plan,
            ready.path,
            road.conninfo,
            schema=INCOMING,
            progress=self.progress,
            jobs=self.options.jobs,
            whole=whole,
            on_whole=lambda name, rows: resume.note(road.connection, key, name, rows),
            **judged,
        )
        resume.end(road.connection)

    def _restore(self, plan: Plan, aside: staging.SetAside, connection: psycopg.Connection[Any], conninfo: str) -> None:
        rows = {table.name: table.rows for table in self.facts.loaded}
        builders = staging.Builders(conninfo=conninfo, count=self.options.jobs)
        staging.restore(
            connection, INCOMING, aside, self.progress, builders=builders, rows=lambda name: rows.get(name, 0)
        )
        self.facts.identities = staging.set_identities(connection, INCOMING, plan)
        staging.refresh_views(connection, INCOMING)
        staging.analyze(connection, INCOMING, plan)

    def _mend(self, plan: Plan, catalog: SourceCatalog, snapshot: Snapshot) -> Ready:
        with self.stage("mend"):
            # The working copy, and as much again for the tables that are made bare in it and for the journal.
            require_space(self.workplace.directory, 2 * snapshot.size)
            self.facts.mended, plan, self.facts.findings = mend(
                plan,
                catalog,
                snapshot.path,
                self.facts.findings,
                accepted=self.accepted,
                working=self.workplace.working_copy,
                journal=self.workplace.unfinished_journal,
                progress=self.progress,
            )
        return Ready(plan, self.workplace.working_copy)

    def _prove(
        self,
        plan: Plan,
        snapshot: Snapshot,
        loaded: Path,
        choice: TargetChoice,
        connection: psycopg.Connection[Any],
    ) -> None:
        with self.stage("prove"):
            self.facts.proof = prove(
                plan,
                snapshot.path,
                choice.conninfo,
                schema=INCOMING,
                verify=self.options.verify,
                progress=self.progress,
                mended=self.facts.mended,
            )
            self.ask_orm(plan, loaded, choice.staging(target.extension_schemas(connection)))
            if not self.facts.proof.holds:
                raise ProofError(
                    _(
                        "PostgreSQL does not hold what SQLite holds: {faulty}.",
                        faulty=", ".join(self.facts.proof.faulty),
                    ),
                    remedy=_("Nothing was published. If nobody else wrote to the incoming schema, please report this."),
                )
            require_described(connection, INCOMING, self.made)
            require_validated(connection, INCOMING)
            require_identities(connection, INCOMING, plan, self.facts.identities)

    def _publish(
        self,
        source: Source,
        snapshot: Snapshot,
        connection: psycopg.Connection[Any],
        standing: tuple[StandingTable, ...],
    ) -> None:
        def recheck() -> None:
            if not self.options.accept_stale:
                source.require_unchanged(snapshot)

        with self.stage("publish"):
            recheck()
            self.facts.publication = publish(
                connection,
                incoming=INCOMING,
                final=FINAL,
                # With --replace whatever is there is kept, rows written meanwhile included.
                standing=() if self.options.replace else standing,
                rows={table.name: table.rows for table in self.facts.loaded},
                snapshot=str(self.workplace.snapshot),
                journal=self.facts.mended.journal if self.facts.mended else None,
                before_commit=recheck,
            )
        if source.has_changed():
            self.facts.left_behind = source.changes(snapshot)
        self._keep_snapshot()

    def _keep_snapshot(self) -> None:
        self.facts.snapshot_kept = str(self.workplace.keep_snapshot())
        if self.facts.mended:
            self.facts.journal_kept = str(self.workplace.keep_journal())

    def _drop_incoming(self, connection: psycopg.Connection[Any], conninfo: str) -> None:
        if self.facts.keep_incoming:
            return
        try:
            target.drop_schema(connection, INCOMING)
            resume.drop(connection)
        except psycopg.Error:
            # Interrupted in the middle of a statement, a connection takes no other. Where the server is gone as well,
            # the next run cleans up.
            with contextlib.suppress(psycopg.Error):
                target.drop_after(connection, conninfo, INCOMING)

    def _note_unapplied(self, missing: tuple[tuple[str, str], ...]) -> None:
        self.facts.unapplied = len(missing)
        if missing:
            names = ", ".join(".".join(key) for key in missing[:5])
            self.note(
                _(
                    "The source has not applied {missing} migrations ({names}); PostgreSQL will not have either.",
                    missing=len(missing),
                    names=names,
                )
            )
