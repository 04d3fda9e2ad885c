"""Examine the snapshot, repair what was accepted, and stop a run that findings block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from migrate_to_pg.errors import BlockedError
from migrate_to_pg.examine import examine
from migrate_to_pg.examine.generated_columns import computed_overflow
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.pipeline.run import Run
from migrate_to_pg.project.sqlite_connection import connect_like_django
from migrate_to_pg.records import Finding, Plan, Refusal, Snapshot, SourceCatalog
from migrate_to_pg.row_repair.engine import Accepted, needs_repair, repair_rows
from migrate_to_pg.row_repair.quarantine_trial import QuarantineTrial
from migrate_to_pg.rules import Subject
from migrate_to_pg.rules.file import integrity_check
from migrate_to_pg.rules.samples import connect, is_quarantinable
from migrate_to_pg.rules.values import refused_row
from migrate_to_pg.sqlite.source_files import require_space


class LoadInput(NamedTuple):
    """The file that load reads, and the plan of its tables."""

    plan: Plan
    path: Path
    #: SHA-256 of the file, where it is known.
    sha256: str = ""


def blocked(blocking: Sequence[Finding], *, repairs: bool = True) -> BlockedError:
    """Return the error that ends a run because of these findings. ``repairs``: whether the command has --fix."""
    return BlockedError(
        _("{findings_stand} in the way.", findings_stand=pluralize(len(blocking), "finding stands", "findings stand")),
        remedy=_("Do what each finding says, or accept its repair with --fix or --quarantine, then run again.")
        if repairs
        else _("Do what each finding says, or leave the rows out with --quarantine, then run again."),
    )


def find_damage(run: Run, path: Path) -> tuple[Finding, ...]:
    """Run SQLite's complete check of a file. It takes longer than the load, and is made only where it matters."""
    with connect_like_django(run.source_choice, path) as database:
        return tuple(integrity_check.findings(database, integrity_check.WHOLE))


class Examination:
    """The snapshot of a run under examination: what was found in it, and what was repaired."""

    def __init__(self, run: Run, accepted: Accepted, plan: Plan, catalog: SourceCatalog, snapshot: Snapshot) -> None:
        self.run = run
        self.accepted = accepted
        self.plan = plan
        self.catalog = catalog
        self.snapshot = snapshot
        #: Findings about the snapshot, before any repair.
        self.found: tuple[Finding, ...] = ()
        #: Rows that PostgreSQL itself refuses, and the findings about them.
        self.refusals: tuple[Refusal, ...] = ()
        self.rejected: tuple[Finding, ...] = ()

    @property
    def unrepaired(self) -> LoadInput:
        """The snapshot as what load reads."""
        return LoadInput(self.plan, self.snapshot.path, self.snapshot.sha256)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the run so far."""
        return self.run.state.examined.findings

    @findings.setter
    def findings(self, findings: tuple[Finding, ...]) -> None:
        self.run.state.record_examined(findings=findings)

    @property
    def is_blocked(self) -> bool:
        """Report whether a finding stops the run."""
        return any(finding.blocks for finding in self.findings)

    def find(self, *, values: bool = True) -> None:
        """Apply the rules to the snapshot, without those about single values where ``values`` is False."""
        with self.run.stage("examine"):
            self.findings = examine(
                self.plan,
                self.catalog,
                self.snapshot.path,
                accepted=self.accepted.fix,
                leftovers=self.run.options.leftovers,
                values=values,
                jobs=self.run.options.jobs,
                progress=self.run.progress,
                original=self.snapshot.source,
            )

    def find_generated_overflow(self) -> None:
        """Find the rows that PostgreSQL will refuse for what SQLite computes of them. No server is asked."""
        database = connect_like_django(self.run.source_choice, self.snapshot.path)
        with self.run.stage("examine"), database as connection:
            self.record_refusals(computed_overflow(self.plan, connection), self.unrepaired)

    def examine(self, ask_server: Callable[[LoadInput], None] = lambda _: None) -> LoadInput:
        """Return what load reads: the snapshot, or a copy of it with the accepted repairs.

        ``ask_server`` is called where findings block the run, so that PostgreSQL's own are reported in the same run.
        Raises BlockedError where a finding is not repaired.
        """
        self.find()
        self.found = self.findings
        self.findings = (*self.rejected, *self.found)
        load_input = self.unrepaired
        if needs_repair(self.findings, self.accepted):
            load_input = self.repair()
        if self.is_blocked and not self.rejected:
            ask_server(load_input)
        self.require_unblocked()
        return load_input

    def repair(self) -> LoadInput:
        """Copy the snapshot and make every accepted repair, quarantine of rows that PostgreSQL refused included."""
        # Indexes decide which rows are changed or left out.
        if damage := find_damage(self.run, self.snapshot.path):
            others = (finding for finding in self.findings if finding.rule != integrity_check.RULE.id)
            self.findings = (*damage, *others)
            return self.unrepaired
        workdir = self.run.workdir
        with self.run.stage("repair"):
            # The copy, and as much again for the tables that are rebuilt in it and for the journal.
            require_space(workdir.directory, 2 * self.snapshot.size)
            repairs, plan, found = repair_rows(
                self.plan,
                self.catalog,
                self.snapshot.path,
                self.found,
                accepted=self.accepted,
                working=workdir.working_copy,
                journal=workdir.unfinished_journal,
                progress=self.run.progress,
                refusals=self.refusals,
            )
            self.run.state.record_examined(repairs=repairs)
            self.findings = (*self.rejected, *found)
            trial = self._trial()
            self.run.state.record_examined(could_stay=trial.could_stay(trial.of_named(repairs)))
        return LoadInput(plan, workdir.working_copy)

    def record_refusals(self, refusals: Iterable[Refusal], load_input: LoadInput) -> bool:
        """Record the refusals that no other rule judges, with a finding for each. Return whether there is any."""
        plan = load_input.plan
        with connect(load_input.path, time_zone=plan.source_time_zone) as database:
            subject = Subject(plan=plan, catalog=self.catalog, database=database)
            unreported = tuple(refused_row.unreported(subject, refusals))
            found = tuple(refused_row.findings(subject, unreported))
        self.refusals += unreported
        for finding in found:
            table = plan.table(finding.table)
            can_go = table is not None and is_quarantinable(table)
            applied = can_go and finding.rule in self.accepted.quarantine
            self.rejected += (replace(finding, quarantinable=can_go, applied=applied),)
        return bool(found)

    def require_unblocked(self) -> None:
        """Raise BlockedError where a finding is not repaired, with the advice what to accept."""
        if not self.is_blocked:
            return
        trial = self._trial()
        left_out = trial.of_all()
        advice = trial.advice(self.findings, left_out)
        self.run.state.record_examined(advice=advice, could_stay=trial.could_stay(left_out))
        raise blocked([finding for finding in self.findings if finding.blocks])

    def _trial(self) -> QuarantineTrial:
        return QuarantineTrial(
            plan=self.plan,
            catalog=self.catalog,
            snapshot=self.snapshot,
            findings=(*self.rejected, *self.found),
            refusals=self.refusals,
            options=self.run.options,
            accepted=self.accepted,
            workplace=self.run.workdir,
        )
