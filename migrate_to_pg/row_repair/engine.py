"""Findings and accepted repairs in; a working copy with all of them made, its journal, and what still stands out.

Examine, mend, examine again: a repair may bring a fault to light (texts that are equal once they are cut), or create
one (children of rows in quarantine). It ends when no accepted repair finds anything more to do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from migrate_to_pg.examine import examine
from migrate_to_pg.records import Event, Finding, Plan, PlannedTable, Refusal, SourceCatalog
from migrate_to_pg.records.repairs import RepairResult
from migrate_to_pg.row_repair import (
    RepairCopy,
    is_repaired,
    merge,
    quarantine,
    quarantine_children,
    quarantine_refused,
    repair,
)
from migrate_to_pg.row_repair.journal import changed_cells, rows_aside
from migrate_to_pg.rules import RULES, SetRule, Subject, ValueRule, accepted_rules, named_repairs, quarantined_rules
from migrate_to_pg.rules.file import integrity_check
from migrate_to_pg.rules.keys import duplicate_key, foreign_key_orphan
from migrate_to_pg.rules.mergeable import searches
from migrate_to_pg.rules.samples import can_be_edited, is_quarantinable
from migrate_to_pg.sqlite.sql import compose, name

Progress = Callable[[Event], None]

_BY_ID = {rule.id: rule for rule in RULES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What may be done, by rule ids."""

    fix: frozenset[str] = frozenset()
    quarantine: frozenset[str] = frozenset()
    #: Those that only the name of a group stands for. Of two repairs of one value the lossless one is made then, and no
    #: row goes into quarantine that any repair, accepted or not, would keep.
    unnamed_fix: frozenset[str] = frozenset()
    unnamed_quarantine: frozenset[str] = frozenset()
    #: The tables, by PostgreSQL's names, whose own findings are left as they are.
    spared: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.fix or self.quarantine)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """How many rows quarantine would leave out of PostgreSQL."""

    #: Those that no repair keeps, and those that refer to them by keys that may not be NULL.
    at_least: int
    #: With no other repairs than those that were accepted.
    without_repairs: int
    #: Whether keys that may be NULL refer to those that no repair keeps.
    nullable_left: bool


def accept(fix: Sequence[str], quarantine: Sequence[str]) -> Accepted:
    """What --fix and --quarantine accept by these names; UsageError where one is none of theirs."""
    repaired, aside = accepted_rules(fix), quarantined_rules(quarantine)
    return Accepted(
        fix=repaired,
        quarantine=aside,
        unnamed_fix=repaired - named_repairs(fix),
        unnamed_quarantine=aside - set(quarantine),
    )


def is_called_for(findings: Iterable[Finding], accepted: Accepted) -> bool:
    """Whether rows would be edited; nothing is where the file itself is damaged, since rows may be missing from it."""
    found = {finding.rule for finding in findings}
    if integrity_check.RULE.id in found:
        return False
    return any(_edits_rows(rule) and rule in (accepted.fix | accepted.quarantine) for rule in found)


def repair_rows(
    plan: Plan,
    catalog: SourceCatalog,
    snapshot: Path,
    findings: tuple[Finding, ...],
    *,
    accepted: Accepted,
    working: Path,
    journal: Path,
    progress: Progress,
    refusals: Iterable[Refusal] = (),
) -> tuple[RepairResult, Plan, tuple[Finding, ...]]:
    """Make every accepted repair on a copy of the snapshot; ``findings`` are those of the snapshot.

    ``refusals`` are rows of an earlier copy, made by the same repairs, that PostgreSQL refused: they are set aside.
    Returns the working copy with its record, the plan with the rows that are left, and the findings: those that were
    mended marked as applied, and those that stand.
    """
    with RepairCopy(snapshot, working, journal, time_zone=plan.source_time_zone) as copy:
        plan = copy.number_rows(plan)
        mender = _Mender(copy, catalog, accepted)
        left = findings
        for work in (mender.round, lambda plan, _: mender.without(plan, refusals), mender.round):
            # Once: the rows are gone then. A repair may bring more to light.
            while work(plan, left):
                plan = _with_rows(copy, plan)
                left = examine(plan, catalog, working, accepted=accepted.fix, progress=progress, rows_only=True)
    mended = RepairResult(
        path=working,
        journal=journal,
        fix=accepted.fix,
        quarantine=accepted.quarantine,
        changed=changed_cells(journal),
        aside=rows_aside(journal),
    )
    return mended, plan, _outcome(findings, left, accepted)


def count_left_out(
    plan: Plan,
    catalog: SourceCatalog,
    snapshot: Path,
    findings: tuple[Finding, ...],
    *,
    fix: frozenset[str],
    quarantine: frozenset[str],
    working: Path,
    journal: Path,
    refusals: Iterable[Refusal] = (),
) -> LeftOut:
    """Count what quarantine of the findings' rows would leave out, on a copy of which nothing is kept."""
    refusals = tuple(refusals)
    accepted = Accepted(quarantine=quarantine, unnamed_quarantine=quarantine)
    try:
        with RepairCopy(snapshot, working, journal, time_zone=plan.source_time_zone) as copy:
            plan = copy.number_rows(plan)
            menders = [_Mender(copy, catalog, accepted, keeping=keeping) for keeping in (frozenset(_BY_ID), fix)]
            counts = [mender.leave_out(plan, findings, refusals) for mender in menders]
    finally:
        for path in (working, journal):
            path.unlink(missing_ok=True)
    return LeftOut(at_least=counts[0], without_repairs=counts[1], nullable_left=menders[0].nullable_left)


class _Mender:
    """The repairs of a run, each made once for each table and column that it is found in."""

    def __init__(
        self, copy: RepairCopy, catalog: SourceCatalog, accepted: Accepted, keeping: frozenset[str] | None = None
    ) -> None:
        self.copy = copy
        self.catalog = catalog
        self.accepted = accepted
        #: The rules whose repairs count where a row is left where it is since a repair would keep it.
        self.keeping = frozenset(_BY_ID) if keeping is None else keeping
        orphans = foreign_key_orphan.RULE.id
        self.nullable_stay = orphans in (accepted.unnamed_quarantine if keeping is None else keeping)
        #: Whether any row was left that refers to one in quarantine.
        self.nullable_left = False
        self.findings: tuple[Finding, ...] = ()

    def round(self, plan: Plan, findings: tuple[Finding, ...]) -> bool:
        """One round: the first of the three ways that finds anything to do; False where none does.

        Cells come first: a key written as text can only be pointed anew once it is a key. Rows go last.
        """
        subject = self._subject(plan)
        self.findings = findings
        ways = (
            (self.accepted.fix - {duplicate_key.RULE.id}, self._repair),
            (self.accepted.fix & {duplicate_key.RULE.id}, self._merge),
            (self.accepted.quarantine, self._quarantine),
        )
        for accepted, act in ways:
            wanted = [f for f in findings if f.rule in accepted and f.table not in self.accepted.spared]
            wanted.sort(key=self._turn)
            chosen = [(f, table) for f in wanted if (table := _table(plan, f))]
            if sum(act(subject, _BY_ID[finding.rule], table, finding) for finding, table in chosen):
                return True
        return False

    def leave_out(self, plan: Plan, findings: tuple[Finding, ...], refusals: Iterable[Refusal]) -> int:
        """Set the rows of the findings aside, but for those that a repair keeps; returns how many are by now."""
        subject = self._subject(plan)
        self.findings = findings
        for finding in findings:
            table = _table(plan, finding) if finding.rule in self.accepted.quarantine else None
            if table:
                self._quarantine(subject, _BY_ID[finding.rule], table, finding)
        self.without(plan, refusals)
        # Another trial on the same copy may have left rows that this one takes along.
        self._close(subject)
        return self.copy.quarantined()

    def _subject(self, plan: Plan) -> Subject:
        return Subject(plan=plan, catalog=self.catalog, database=self.copy.database)

    def _turn(self, finding: Finding) -> tuple[bool, bool]:
        """What was named first, the lossy before the lossless; of what a group stands for, the lossless first."""
        unnamed = finding.rule in self.accepted.unnamed_fix
        return unnamed, (finding.repair == "lossless") is not unnamed

    def without(self, plan: Plan, refusals: Iterable[Refusal]) -> bool:
        """Set rows aside that PostgreSQL refused, with what refers to them; False where none is there any more."""
        subject = self._subject(plan)
        return bool(sum(self._without(subject, refusal) for refusal in refusals))

    def _without(self, subject: Subject, refusal: Refusal) -> int:
        table = subject.plan.table(refusal.table)
        if table is None or not is_quarantinable(table):
            return 0
        taken = quarantine_refused(self.copy, table, refusal)
        if taken:
            self._close(subject)
        return taken

    def _repair(self, subject: Subject, rule: SetRule | ValueRule, table: PlannedTable, finding: Finding) -> int:
        return repair(self.copy, subject, rule, table, finding)

    def _merge(self, subject: Subject, _: SetRule | ValueRule, table: PlannedTable, finding: Finding) -> int:
        return sum(merge(self.copy, subject, table, search) for search in searches(subject, table, finding.column))

    def _quarantine(self, subject: Subject, rule: SetRule | ValueRule, table: PlannedTable, finding: Finding) -> int:
        if not is_quarantinable(table):
            return 0
        taken = quarantine(self.copy, subject, rule, table, finding, but=self._unrepaired(subject, table, finding))
        if taken:
            self._close(subject)
        return taken

    def _unrepaired(self, subject: Subject, table: PlannedTable, finding: Finding) -> frozenset[int]:
        """The rows of a finding that stay where they are, since a repair of the same cells would keep them."""
        if finding.rule not in self.accepted.unnamed_quarantine:
            return frozenset()
        offered = (f for f in self.findings if f.repair and f.rule in self.keeping)
        same = (f for f in offered if (f.table, f.column) == (finding.table, finding.column))
        return frozenset(row for f in same for row in is_repaired(self.copy, subject, _BY_ID[f.rule], table, f))

    def _close(self, subject: Subject) -> None:
        nulls = foreign_key_orphan.RULE.id in self.accepted.fix
        self.nullable_left |= quarantine_children(
            self.copy, subject, nulls=nulls, nullable_stay=self.nullable_stay and not nulls
        )


def _edits_rows(rule: str) -> bool:
    found = _BY_ID.get(rule)
    return found is not None and (isinstance(found, ValueRule) or found.offences is not None or found.mend is not None)


def _is_asked_again(rule: str) -> bool:
    return getattr(_BY_ID.get(rule), "asked_again", False)


def _table(plan: Plan, finding: Finding) -> PlannedTable | None:
    table = plan.table(finding.table)
    return table if table and can_be_edited(table) and _edits_rows(finding.rule) else None


def _with_rows(copy: RepairCopy, plan: Plan) -> Plan:
    """The plan with the numbers of rows that the working copy has now; all else is as SQLite declared it."""
    return dataclasses.replace(plan, tables=tuple(_counted(copy, table) for table in plan.tables))


def _counted(copy: RepairCopy, table: PlannedTable) -> PlannedTable:
    query = compose("SELECT count(*) FROM main.{table} NOT INDEXED", table=name(table.source.name))
    (rows,) = copy.database.execute(query).fetchone()
    return dataclasses.replace(table, source=dataclasses.replace(table.source, rows=rows))


def _outcome(before: tuple[Finding, ...], after: tuple[Finding, ...], accepted: Accepted) -> tuple[Finding, ...]:
    """What was found at first, mended where it is gone; and what stands, with the numbers that are left."""
    left = {_place(finding): _standing(finding, accepted) for finding in after}
    known = [f for f in before if _place(f) in left or not _is_asked_again(f.rule)]
    mended = [left.pop(_place(f)) if _place(f) in left else _settled(f) for f in known]
    return (*mended, *left.values())


def _standing(finding: Finding, accepted: Accepted) -> Finding:
    """A finding about rows that is still there: what was accepted, and could do nothing more, is not offered again."""
    if not _edits_rows(finding.rule):
        return finding
    repair = "" if finding.rule in accepted.fix else finding.repair
    quarantinable = finding.quarantinable and finding.rule not in accepted.quarantine - accepted.unnamed_quarantine
    return dataclasses.replace(finding, applied=False, repair=repair, quarantinable=quarantinable)


def _settled(finding: Finding) -> Finding:
    """A finding about rows that is no longer there was mended; one about the schema is as it was."""
    return dataclasses.replace(finding, applied=True) if _edits_rows(finding.rule) else finding


def _place(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.table, finding.column
