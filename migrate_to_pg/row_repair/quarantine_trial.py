"""Count what quarantine would leave out of PostgreSQL, and advise what to accept so that most rows stay."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from migrate_to_pg.errors import SourceError
from migrate_to_pg.records import Advice, Finding, KeptRows, Level, Options, Plan, Refusal, Snapshot, SourceCatalog
from migrate_to_pg.records.repairs import RepairResult, RowOutcome
from migrate_to_pg.row_repair.engine import Accepted, LeftOut, accept, count_left_out, needs_repair, repair_rows
from migrate_to_pg.rules.advice import advise
from migrate_to_pg.rules.keys import duplicate_key
from migrate_to_pg.sqlite.source_files import require_space

if TYPE_CHECKING:
    from migrate_to_pg.system.workdir import WorkDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineTrial:
    """The findings of a snapshot, and the accepted repairs."""

    plan: Plan
    catalog: SourceCatalog
    snapshot: Snapshot
    findings: tuple[Finding, ...]
    refusals: tuple[Refusal, ...]
    options: Options
    accepted: Accepted
    workplace: WorkDirectory

    def of_all(self) -> LeftOut | None:
        """Count the rows left out with every possible quarantine. None where there is none, or no space."""
        rules = (f.rule for f in self.findings if f.quarantinable and f.level is Level.ERROR)
        return self._count(frozenset(rules))

    def of_named(self, repairs: RepairResult) -> LeftOut | None:
        """Count the rows quarantined because their rule was named. None where there are none."""
        quarantined = sum(rows.count for rows in repairs.removed if rows.outcome is RowOutcome.QUARANTINED)
        if not quarantined or self.accepted.quarantine == self.accepted.unnamed_quarantine:
            return None
        left_out = self._count(self.accepted.quarantine)
        return left_out and replace(left_out, without_repairs=quarantined)

    def _count(self, quarantine: frozenset[str]) -> LeftOut | None:
        if not needs_repair(self.findings, Accepted(quarantine=quarantine)):
            return None
        # Without space the count is left out. The findings are reported all the same.
        with contextlib.suppress(SourceError, sqlite3.Error, OSError):
            require_space(self.workplace.directory, 2 * self.snapshot.size)
            merge = self._merge_loses_nothing()
            return count_left_out(
                self.plan,
                self.catalog,
                self.snapshot.path,
                self.findings,
                fix=self.accepted.fix,
                quarantine=quarantine,
                working=self.workplace.trial_copy,
                journal=self.workplace.trial_journal,
                refusals=self.refusals,
                merge=merge,
            )
        return None

    def _merge_loses_nothing(self) -> bool:
        """Try all that would be advised, and return whether equal rows alone were merged by it.

        Other repairs may make duplicates, and so does a merge: of the rows that refer to merged ones.
        """
        offered = any(f.rule == duplicate_key.RULE.id and f.blocks and f.repair for f in self.findings)
        if not offered or duplicate_key.RULE.id in (*self.options.quarantine, *self.accepted.fix):
            return False
        advice = advise(
            self.findings, fix=self.options.fix, quarantine=self.options.quarantine, nullable_left=True, merge=True
        )
        paths = {"working": self.workplace.trial_copy, "journal": self.workplace.trial_journal}
        try:
            _repairs, _plan, found = repair_rows(
                self.plan,
                self.catalog,
                self.snapshot.path,
                self.findings,
                accepted=replace(accept(advice.fix, advice.quarantine), equal_merges=True),
                progress=lambda _: None,
                refusals=self.refusals,
                **paths,
            )
        finally:
            for path in paths.values():
                path.unlink(missing_ok=True)
        return not any(f.rule == duplicate_key.RULE.id and f.blocks for f in found)

    def could_stay(self, left_out: LeftOut | None) -> KeptRows | None:
        """Return how many rows more repairs would keep, or None."""
        if left_out is None or left_out.without_repairs <= left_out.at_least:
            return None
        return KeptRows(
            rows=left_out.without_repairs - left_out.at_least,
            of=left_out.without_repairs,
            fix=self._advise(self.findings, left_out).fix,
        )

    def advice(self, findings: tuple[Finding, ...], left_out: LeftOut | None) -> Advice | None:
        """Return what to accept so that a run that these findings block can continue, or None."""
        advice = self._advise(findings, left_out)
        given = Advice(fix=self.options.fix, quarantine=self.options.quarantine)
        return None if advice == given else advice

    def _advise(self, findings: tuple[Finding, ...], left_out: LeftOut | None) -> Advice:
        return advise(
            findings,
            fix=self.options.fix,
            quarantine=self.options.quarantine,
            nullable_left=left_out is not None and left_out.nullable_left,
            merge=left_out is not None and left_out.merge,
        )
