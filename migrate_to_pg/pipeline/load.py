"""A plan and its snapshot in, the rows in the incoming schema out: examined, mended where that was accepted, and sent.

Between the making of the schema and its restoring; nothing of it is visible to anybody, and a value that PostgreSQL
would refuse or change stops it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from migrate_to_pg import staging
from migrate_to_pg.codecs.reader import TableBatch
from migrate_to_pg.errors import BlockedError, LoadError, RefusedRowsError, UnmetDefinitionError
from migrate_to_pg.examine import InvalidBatchError, check_batch, examine
from migrate_to_pg.examine.generated_columns import computed_overflow
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.load import load, resume
from migrate_to_pg.load.copy import Copy
from migrate_to_pg.load.find_refused import Trial, try_rows
from migrate_to_pg.load.pgloader import load_by_pgloader, require_pgloader
from migrate_to_pg.pipeline.running import Progress, Running
from migrate_to_pg.records import INCOMING, Finding, Options, Plan, Refusal, Snapshot, SourceCatalog, Verify
from migrate_to_pg.row_repair.engine import accept, needs_repair, repair_rows
from migrate_to_pg.row_repair.quarantine_trial import QuarantineTrial
from migrate_to_pg.rules import Subject
from migrate_to_pg.rules.file import integrity_check
from migrate_to_pg.rules.keys import duplicate_key
from migrate_to_pg.rules.samples import is_quarantinable, opened
from migrate_to_pg.rules.schema import derived_column, missing_column
from migrate_to_pg.rules.values import check_constraint, refused_row
from migrate_to_pg.sqlite.snapshot import file_sha256, require_space

#: SQLSTATE of rows that a CHECK, a unique or an exclusion constraint refuses.
_OF_CONSTRAINTS = ("23514", "23505", "23P01")


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


class Given(NamedTuple):
    """What a load begins with."""

    plan: Plan
    catalog: SourceCatalog
    snapshot: Snapshot
    road: Road
    #: What is not there yet.
    aside: staging.DroppedObjects


def blocked(blocking: Sequence[Finding]) -> BlockedError:
    """What ends a run in whose way findings stand."""
    return BlockedError(
        _("{findings_stand} in the way.", findings_stand=pluralize(len(blocking), "finding stands", "findings stand")),
        remedy=_("Do what each finding says, or accept its repair with --fix or --quarantine, then run again."),
    )


class Loading(Running):
    """A run that gets as far as loaded tables."""

    def __init__(self, options: Options, progress: Progress) -> None:
        # Before anything is made: a rule that is none is a matter of usage.
        self.accepted = accept(options.fix, options.quarantine)
        self.by_pgloader = options.engine == "pgloader" and options.mode not in ("check", "dump")
        if self.by_pgloader:
            require_pgloader()
            # It may change a value without a word: counting rows would prove nothing.
            options = replace(options, verify=Verify.ORM if options.verify is Verify.ORM else Verify.CELLS)
        super().__init__(options, progress)
        #: What examine found in the snapshot, before any repair.
        self.found: tuple[Finding, ...] = ()
        #: Rows that PostgreSQL itself refused, and what is told of them.
        self.refusals: tuple[Refusal, ...] = ()
        self.find_rejected: tuple[Finding, ...] = ()

    def examine_and_load(self, given: Given) -> Path:
        """At first sight where nothing was accepted: values are judged as they are sent, in one reading of them.

        Where that finds anything, staging is empty again and all is examined first. Returns the file that was loaded.
        """
        if not self.accepted and not self.by_pgloader and self._try_load_without_examine(given):
            return given.snapshot.path
        return self._load(self.examine(given.plan, given.catalog, given.snapshot, given), given)

    def load_without(self, given: Given, error: UnmetDefinitionError, definition: staging.Definition) -> Path:
        """The same once more, without the rows for which this key, index or constraint does not hold.

        The tables must be as bare as they were for the first load. Raises ``error`` where no row is at fault.
        """
        return self._load(self._without_refused(self.sent, given, error, (), [definition]), given)

    def _load(self, ready: Ready, given: Given) -> Path:
        """Until PostgreSQL takes every row: those that it refuses are set aside, where that was accepted."""
        while True:
            try:
                with self.stage("load"):
                    self._send(ready, given.road)
            except RefusedRowsError as error:
                ready = self._without_refused(ready, given, error, error.tables, ())
            else:
                return ready.path

    def _without_refused(
        self,
        ready: Ready,
        given: Given,
        error: RefusedRowsError | UnmetDefinitionError,
        tables: Sequence[str],
        definitions: Sequence[staging.Definition],
    ) -> Ready:
        """What is to be loaded instead; BlockedError where that was not accepted."""
        staging.empty(given.road.connection, INCOMING, given.plan)
        known = self.find_rejected
        if not self._try_rows(ready, given, tables, definitions):
            raise error
        self.facts.findings = (*self.find_rejected, *(f for f in self.facts.findings if f not in known))
        self._require_unblocked(given.plan, given.catalog, given.snapshot)
        ready = self._repair_rows(given.plan, given.catalog, given.snapshot)
        self._require_unblocked(given.plan, given.catalog, given.snapshot)
        return ready

    def _try_rows(
        self,
        ready: Ready,
        given: Given,
        tables: Sequence[str],
        definitions: Sequence[staging.Definition],
        *,
        constraints: bool = False,
    ) -> bool:
        """Find the rows that PostgreSQL refuses of these tables, or for these definitions; whether there are any.

        With ``constraints`` those that a constraint refuses: what is wrong with single values has its own rules.
        """
        # What no rule can judge is tried at once, all of it.
        left = {(t.name, name) for t in ready.plan.tables for name in duplicate_key.left_to_postgresql(ready.plan, t)}
        others = (d for d in given.aside.definitions if d.kind == "exclusion" or (d.table, d.name) in left)
        definitions = tuple({d.place: d for d in (*definitions, *others)}.values())
        wanted = {*tables, *(definition.table for definition in definitions)}
        trials = [
            Trial(table=table, definitions={d.name: d.create for d in definitions if d.table == table.name})
            for table in ready.plan.tables
            if table.name in wanted
        ]
        road, copy = given.road, Copy(ready.plan, ready.path, INCOMING, lambda _: None)
        with self.stage("examine"), self._filling(ready, road):
            refusals = try_rows(trials, copy, road.connection, road.conninfo)
            if constraints:
                refusals = tuple(refusal for refusal in refusals if refusal.sqlstate in _OF_CONSTRAINTS)
            return self._note_refusals(refusals, ready, given.catalog)

    def _judge_the_rest(self, ready: Ready, given: Given) -> None:
        """Let PostgreSQL judge the constraints that SQLite cannot, where nothing will be loaded: they are told as well.

        Not in a table that could not be loaded whatever its rows are.
        """
        unfit = {f.table for f in self.facts.findings if f.blocks and not f.quarantinable}
        tables = tuple(table for table in ready.plan.tables if table.name not in unfit)
        left = [table.name for table in tables if check_constraint.left_to_postgresql(ready.plan, table)]
        known = self.find_rejected
        fit = ready._replace(plan=replace(ready.plan, tables=tables))
        try:
            found = self._try_rows(fit, given, left, (), constraints=True)
        except LoadError as error:
            # It is not about rows, and what stands in the way already is to be told all the same.
            self.note(str(error))
            return
        if found:
            self.facts.findings = (*self.find_rejected, *(f for f in self.facts.findings if f not in known))

    def find_computed(self, plan: Plan, catalog: SourceCatalog, snapshot: Snapshot) -> None:
        """Find the rows that PostgreSQL will refuse for what SQLite computes of them; no server is asked."""
        with self.stage("examine"), self.as_web_server(snapshot.path) as database:
            refusals = tuple(computed_overflow(plan, database))
            self._note_refusals(refusals, Ready(plan, snapshot.path, snapshot.sha256), catalog)

    def _note_refusals(self, refusals: Iterable[Refusal], ready: Ready, catalog: SourceCatalog) -> bool:
        """Keep the refusals that no other rule judges, with a finding for each; return whether there is any."""
        with opened(ready.path, time_zone=ready.plan.source_time_zone) as database:
            subject = Subject(plan=ready.plan, catalog=catalog, database=database)
            refusals = tuple(refused_row.unjudged(subject, refusals))
            found = tuple(refused_row.findings(subject, refusals))
        self.refusals += refusals
        self.find_rejected += tuple(self._accepted(finding, ready.plan) for finding in found)
        return bool(found)

    def _accepted(self, finding: Finding, plan: Plan) -> Finding:
        table = plan.table(finding.table)
        can_go = table is not None and is_quarantinable(table)
        applied = can_go and finding.rule in self.accepted.quarantine
        return replace(finding, quarantinable=can_go, applied=applied)

    def _try_load_without_examine(self, given: Given) -> bool:
        plan, catalog, snapshot, road, _aside = given
        self._find(plan, catalog, snapshot, values=False)
        if any(finding.blocks for finding in self.facts.findings):
            return False
        ready = Ready(plan, snapshot.path, snapshot.sha256)
        refused: tuple[str, ...] = ()
        with self.stage("load"):
            try:
                self._send(ready, road, require_sound=check_batch)
            except InvalidBatchError:
                staging.empty(road.connection, INCOMING, plan)
            except RefusedRowsError as error:
                # What examine finds besides is told in the same run.
                refused = error.tables
                staging.empty(road.connection, INCOMING, plan)
            else:
                return True
        self.note(_("A value stands in the way: all of them are examined."))
        if refused:
            self._try_rows(ready, given, refused, ())
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

    def examine(self, plan: Plan, catalog: SourceCatalog, snapshot: Snapshot, given: Given | None = None) -> Ready:
        """The plan and the file that load is to read: the snapshot, or a working copy with the accepted repairs.

        Raises BlockedError for what stands in the way, told with what a server says of the rest: ``given`` has one.
        """
        self._find(plan, catalog, snapshot)
        self.found = self.facts.findings
        self.facts.findings = (*self.find_rejected, *self.found)
        ready = Ready(plan, snapshot.path, snapshot.sha256)
        if needs_repair((*self.find_rejected, *self.found), self.accepted):
            ready = self._repair_rows(plan, catalog, snapshot)
        if given and not self.find_rejected and any(finding.blocks for finding in self.facts.findings):
            self._judge_the_rest(ready, given)
        self._require_unblocked(plan, catalog, snapshot)
        return ready

    def _require_unblocked(self, plan: Plan, catalog: SourceCatalog, snapshot: Snapshot) -> None:
        blocking = [finding for finding in self.facts.findings if finding.blocks]
        if blocking:
            trial = self._trial(plan, catalog, snapshot)
            left_out = trial.of_all()
            self.facts.advice = trial.advice(self.facts.findings, left_out)
            self.facts.could_stay = trial.could_stay(left_out)
            raise blocked(blocking)

    def _trial(self, plan: Plan, catalog: SourceCatalog, snapshot: Snapshot) -> QuarantineTrial:
        return QuarantineTrial(
            plan=plan,
            catalog=catalog,
            snapshot=snapshot,
            findings=(*self.find_rejected, *self.found),
            refusals=self.refusals,
            options=self.options,
            accepted=self.accepted,
            workplace=self.workplace,
        )

    def damage(self, path: Path) -> tuple[Finding, ...]:
        """What SQLite's whole check of a file says; it takes longer than the load, and is made where it matters."""
        with self.as_web_server(path) as database:
            return tuple(integrity_check.findings(database, integrity_check.WHOLE))

    def _send(self, ready: Ready, road: Road, **judged: Callable[[TableBatch], None]) -> None:
        """Load, from where a run that died came to, where there was one."""
        self.sent = ready
        if self.by_pgloader:
            self._send_by_pgloader(ready, road)
            return
        key = resume.load_key(ready.plan, ready.sha256 or file_sha256(ready.path), self.options)
        whole = resume.take_over(road.connection, key, ready.plan)
        if whole:
            self.note(
                _(
                    "{tables_were} loaded by a run that died; it goes on there.",
                    tables_were=pluralize(len(whole), "table was", "tables were"),
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
        return staging.temporary_defaults(road.connection, INCOMING, filled)

    def _repair_rows(self, plan: Plan, catalog: SourceCatalog, snapshot: Snapshot) -> Ready:
        """A working copy of the snapshot with all that was accepted, rows that PostgreSQL refused among it."""
        # Which rows are set aside or changed is decided by way of indexes.
        if damage := self.damage(snapshot.path):
            others = (finding for finding in self.facts.findings if finding.rule != integrity_check.RULE.id)
            self.facts.findings = (*damage, *others)
            return Ready(plan, snapshot.path, snapshot.sha256)
        with self.stage("repair"):
            # The working copy, and as much again for the tables that are made bare in it and for the journal.
            require_space(self.workplace.directory, 2 * snapshot.size)
            whole = plan
            self.facts.mended, plan, found = repair_rows(
                whole,
                catalog,
                snapshot.path,
                self.found,
                accepted=self.accepted,
                working=self.workplace.working_copy,
                journal=self.workplace.unfinished_journal,
                progress=self.progress,
                refusals=self.refusals,
            )
            self.facts.findings = (*self.find_rejected, *found)
            trial = self._trial(whole, catalog, snapshot)
            self.facts.could_stay = trial.could_stay(trial.of_named(self.facts.mended))
        return Ready(plan, self.workplace.working_copy)
