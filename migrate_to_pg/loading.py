"""A plan and its snapshot in, the rows in the incoming schema out: examined, mended where that was accepted, and sent.

Between the making of the schema and its restoring; nothing of it is visible to anybody, and a value that PostgreSQL
would refuse or change stops it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from migrate_to_pg import resume, staging
from migrate_to_pg.columns.reader import TableBatch
from migrate_to_pg.errors import BlockedError
from migrate_to_pg.examine import UnsoundError, examine, require_sound
from migrate_to_pg.language import counted
from migrate_to_pg.language import gettext as _
from migrate_to_pg.load import load
from migrate_to_pg.load.pgloader import load_by_pgloader, require_pgloader
from migrate_to_pg.mending import Accepted, is_called_for, mend
from migrate_to_pg.records import INCOMING, Finding, Options, Plan, Snapshot, SourceCatalog, Verify
from migrate_to_pg.rules import accepted_rules, derived_column, integrity_check, missing_column, quarantined_rules
from migrate_to_pg.running import Progress, Running
from migrate_to_pg.snapshot import file_sha256, require_space


class Ready(NamedTuple):
    """What load reads."""

    plan: Plan
    path: Path
    #: Of that file, where it is known.
    sha256: str = ""


class Road(NamedTuple):
    """How load reaches the target: by its own connections, and by ours for what it notes."""

    connection: psycopg.Connection[Any]
    conninfo: str


class Loading(Running):
    """A run that gets as far as loaded tables."""

    def __init__(self, options: Options, progress: Progress) -> None:
        # Before anything is made: a rule that is none is a matter of usage.
        self.accepted = Accepted(fix=accepted_rules(options.fix), quarantine=quarantined_rules(options.quarantine))
        self.by_pgloader = options.engine == "pgloader" and options.mode not in ("check", "dump")
        if self.by_pgloader:
            require_pgloader()
            # It may change a value without a word: counting rows would prove nothing.
            options = replace(options, verify=Verify.ORM if options.verify is Verify.ORM else Verify.CELLS)
        super().__init__(options, progress)

    def examine_and_load(self, plan: Plan, catalog: SourceCatalog, snapshot: Snapshot, road: Road) -> Path:
        """At first sight where nothing was accepted: values are judged as they are sent, in one reading of them.

        Where that finds anything, staging is empty again and all is examined first. Returns the file that was loaded.
        """
        if not self.accepted and not self.by_pgloader and self._loads_at_first_sight(plan, catalog, snapshot, road):
            return snapshot.path
        ready = self.examine(plan, catalog, snapshot)
        with self.stage("load"):
            self._send(ready, road)
        return ready.path

    def _loads_at_first_sight(self, plan: Plan, catalog: SourceCatalog, snapshot: Snapshot, road: Road) -> bool:
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
                leftovers=self.options.leftovers,
                values=values,
                jobs=self.options.jobs,
                progress=self.progress,
                original=snapshot.source,
            )

    def examine(self, plan: Plan, catalog: SourceCatalog, snapshot: Snapshot) -> Ready:
        """The plan and the file that load is to read: the snapshot, or a working copy with the accepted repairs."""
        self._find(plan, catalog, snapshot)
        ready = Ready(plan, snapshot.path, snapshot.sha256)
        if is_called_for(self.facts.findings, self.accepted):
            # Which rows are set aside or changed is decided by way of indexes.
            if damage := self.damage(snapshot.path):
                others = (finding for finding in self.facts.findings if finding.rule != integrity_check.RULE.id)
                self.facts.findings = (*damage, *others)
            else:
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

    def damage(self, path: Path) -> tuple[Finding, ...]:
        """What SQLite's whole check of a file says; it takes longer than the load, and is made where it matters."""
        with self.as_web_server(path) as database:
            return tuple(integrity_check.findings(database, integrity_check.WHOLE))

    def _send(self, ready: Ready, road: Road, **judged: Callable[[TableBatch], None]) -> None:
        """Load, from where a run that died came to, where there was one."""
        if self.by_pgloader:
            self._send_by_pgloader(ready, road)
            return
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
        with self._filling(ready, road):
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

    def _send_by_pgloader(self, ready: Ready, road: Road) -> None:
        """The same by pgloader, which nothing is noted of: a run that died begins anew."""
        resume.drop(road.connection)
        with self._filling(ready, road):
            self.facts.loaded = load_by_pgloader(
                ready.plan,
                ready.path,
                road.connection,
                road.conninfo,
                schema=INCOMING,
                directory=self.workplace.child,
                progress=self.progress,
                jobs=self.options.jobs,
            )

    def _filling(self, ready: Ready, road: Road) -> AbstractContextManager[None]:
        """While rows are sent: columns that PostgreSQL alone has, as far as that was accepted, and derived ones."""
        filled = (*missing_column.filled(ready.plan, self.facts.findings), *derived_column.filled(ready.plan))
        return staging.filling(road.connection, INCOMING, filled)

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
