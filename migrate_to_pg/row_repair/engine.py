"""Make all accepted repairs on a working copy, with a journal, and report what remains.

Examine, repair, examine again: a repair may uncover a fault (texts that are equal once they are shortened), or create
one (children of rows in quarantine). It ends when no accepted repair finds anything more to do.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from migrate_to_pg.examine import examine
from migrate_to_pg.records import Finding, Plan, PlannedTable, Progress, Refusal, SourceCatalog
from migrate_to_pg.records.repairs import RepairResult
from migrate_to_pg.row_repair import (
    RepairCopy,
    are_equal,
    is_repaired,
    merge,
    quarantine,
    quarantine_children,
    quarantine_refused,
    repair,
    with_left_out,
)
from migrate_to_pg.row_repair.journal import changed_cells, removed_rows
from migrate_to_pg.rules import RULES, SetRule, Subject, ValueRule, accepted_rules, named_repairs, quarantined_rules
from migrate_to_pg.rules.file import integrity_check
from migrate_to_pg.rules.keys import duplicate_key, foreign_key_orphan
from migrate_to_pg.rules.repair_trial import searches
from migrate_to_pg.rules.samples import can_be_edited, is_quarantinable
from migrate_to_pg.sqlite.sql import compose, name

logger = logging.getLogger(__name__)


_BY_ID = {rule.id: rule for rule in RULES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The accepted repairs, by rule ids."""

    fix: frozenset[str] = frozenset()
    quarantine: frozenset[str] = frozenset()
    #: Rules accepted only by the name of a group. Of two repairs of one value the lossless one is made then, and no row
    #: goes into quarantine that any repair, accepted or not, would keep.
    unnamed_fix: frozenset[str] = frozenset()
    unnamed_quarantine: frozenset[str] = frozenset()
    #: Whether duplicates are merged only where they differ in nothing but the primary key.
    equal_merges: bool = False

    def __bool__(self) -> bool:
        return bool(self.fix or self.quarantine)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """The number of rows that quarantine would leave out of PostgreSQL."""

    #: Rows that no repair keeps, and rows that refer to them by keys that may not be NULL.
    at_least: int
    #: With only the accepted repairs.
    without_repairs: int
    #: Whether keys that may be NULL refer to those that no repair keeps.
    nullable_left: bool
    #: Whether a merge of duplicates counts as a repair.
    merge: bool = False


def accept(fix: Sequence[str], quarantine: Sequence[str]) -> Accepted:
    """Resolve the names of --fix and --quarantine. Raise UsageError for an unknown name."""
    repaired, quarantined = accepted_rules(fix), quarantined_rules(quarantine)
    return Accepted(
        fix=repaired,
        quarantine=quarantined,
        unnamed_fix=repaired - named_repairs(fix),
        unnamed_quarantine=quarantined - set(quarantine),
    )


def needs_repair(findings: Iterable[Finding], accepted: Accepted) -> bool:
    """Report whether rows would be edited. A damaged file is never edited, since rows may be missing from it."""
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
    """Make every accepted repair on a copy of the snapshot.

    Args:
        plan: The plan of the snapshot.
        catalog: The snapshot's tables.
        snapshot: The copy of the source, which is not changed.
        findings: The findings of the snapshot.
        accepted: The accepted repairs.
        working: Where to make the working copy.
        journal: Where to write the journal.
        progress: Called with events.
        refusals: Rows of an earlier copy, made by the same repairs, that PostgreSQL refused. They are quarantined.

    Returns:
        The working copy with its record, the plan with the remaining rows, and the findings: those that were repaired
        marked as applied, and those that remain.
    """
    with RepairCopy(snapshot, working, journal, time_zone=plan.source_time_zone) as copy:
        plan = copy.number_rows(plan)
        engine = _RepairEngine(copy, catalog, accepted)
        remaining = findings
        for work in (engine.run_once, lambda plan, _: engine.quarantine_refusals(plan, refusals), engine.run_once):
            # The refused rows are removed once. A repair may uncover more faults.
            while work(plan, remaining):
                plan = _with_rows(copy, plan)
                remaining = examine(plan, catalog, working, accepted=accepted.fix, progress=progress, rows_only=True)
        subject = Subject(plan=plan, catalog=catalog, database=copy.database)
        remaining = tuple(with_left_out(copy, subject, finding) for finding in remaining)
    repairs = RepairResult(
        path=working,
        journal=journal,
        fix=accepted.fix,
        quarantine=accepted.quarantine,
        changed=changed_cells(journal),
        removed=removed_rows(journal),
    )
    return repairs, plan, _outcome(findings, remaining, accepted)


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
    merge: bool = False,
) -> LeftOut:
    """Count what quarantine of the findings' rows would leave out, on a temporary copy.

    ``merge`` says that duplicates can be merged without a loss. A merged row is counted: it does not stay.
    """
    refusals = tuple(refusals)
    accepted = Accepted(quarantine=quarantine, unnamed_quarantine=quarantine)
    try:
        with RepairCopy(snapshot, working, journal, time_zone=plan.source_time_zone) as copy:
            plan = copy.number_rows(plan)
            every = frozenset(_BY_ID) - ({duplicate_key.RULE.id} - fix if not merge else frozenset())
            engines = [_RepairEngine(copy, catalog, accepted, keeping=keeping) for keeping in (every, fix)]
            counts = [engine.leave_out(plan, findings, refusals) for engine in engines]
    finally:
        for path in (working, journal):
            path.unlink(missing_ok=True)
    return LeftOut(at_least=counts[0], without_repairs=counts[1], nullable_left=engines[0].nullable_left, merge=merge)


class _RepairEngine:
    """The repairs of a run, each made once for each table and column with a finding."""

    def __init__(
        self, copy: RepairCopy, catalog: SourceCatalog, accepted: Accepted, keeping: frozenset[str] | None = None
    ) -> None:
        self.copy = copy
        self.catalog = catalog
        self.accepted = accepted
        #: Rules whose repairs keep a row out of quarantine.
        self.keeping = frozenset(_BY_ID) if keeping is None else keeping
        orphans = foreign_key_orphan.RULE.id
        self.nullable_stay = orphans in (accepted.unnamed_quarantine if keeping is None else keeping)
        #: Whether a remaining row refers to one in quarantine.
        self.nullable_left = False
        #: The number of rows that a merge keeps out of quarantine: they do not stay either.
        self.merged = 0
        self.findings: tuple[Finding, ...] = ()

    def run_once(self, plan: Plan, findings: tuple[Finding, ...]) -> bool:
        """Make the first of the three kinds of repair that finds anything to do. Return False where none does.

        Cells come first: a key written as text can be redirected only once it is a key. Rows go last.
        """
        subject = self._subject(plan)
        self.findings = findings
        kinds = (
            (self.accepted.fix - {duplicate_key.RULE.id}, self._repair),
            (self.accepted.fix & {duplicate_key.RULE.id}, self._merge),
            (self.accepted.quarantine, self._quarantine),
        )
        for accepted, act in kinds:
            wanted = [f for f in findings if f.rule in accepted]
            wanted.sort(key=self._sort_key)
            chosen = [(f, table) for f in wanted if (table := _table(plan, f))]
            done = sum(act(subject, _BY_ID[finding.rule], table, finding) for finding, table in chosen)
            logger.info("%s: %d edits for %d findings", act.__name__.strip("_"), done, len(chosen))
            if done:
                return True
        return False

    def leave_out(self, plan: Plan, findings: tuple[Finding, ...], refusals: Iterable[Refusal]) -> int:
        """Quarantine the rows of the findings that no repair keeps, and return the number of quarantined rows."""
        subject = self._subject(plan)
        self.findings = findings
        for finding in findings:
            table = _table(plan, finding) if finding.rule in self.accepted.quarantine else None
            if table:
                self._quarantine(subject, _BY_ID[finding.rule], table, finding)
        self.quarantine_refusals(plan, refusals)
        # Another trial on the same copy may have left rows that this one quarantines.
        self._cascade(subject)
        return self.copy.count_quarantined() + self.merged

    def _subject(self, plan: Plan) -> Subject:
        return Subject(plan=plan, catalog=self.catalog, database=self.copy.database)

    def _sort_key(self, finding: Finding) -> tuple[bool, bool]:
        """Order named repairs first, the lossy before the lossless, then those of a group, the lossless first."""
        unnamed = finding.rule in self.accepted.unnamed_fix
        return unnamed, (finding.repair == "lossless") is not unnamed

    def quarantine_refusals(self, plan: Plan, refusals: Iterable[Refusal]) -> bool:
        """Quarantine refused rows, and what refers to them. Return False where none is left."""
        subject = self._subject(plan)
        total = 0
        for refusal in refusals:
            table = subject.plan.table(refusal.table)
            removed = quarantine_refused(self.copy, table, refusal) if table and is_quarantinable(table) else 0
            if removed:
                self._cascade(subject)
            total += removed
        return total > 0

    def _repair(self, subject: Subject, rule: SetRule | ValueRule, table: PlannedTable, finding: Finding) -> int:
        return repair(self.copy, subject, rule, table, finding)

    def _merge(self, subject: Subject, _: SetRule | ValueRule, table: PlannedTable, finding: Finding) -> int:
        found = searches(subject, table, finding.column)
        if self.accepted.equal_merges:
            found = [search for search in found if are_equal(self.copy, subject, search)]
        return sum(merge(self.copy, subject, table, search) for search in found)

    def _quarantine(self, subject: Subject, rule: SetRule | ValueRule, table: PlannedTable, finding: Finding) -> int:
        if not is_quarantinable(table):
            return 0
        but: frozenset[int] = frozenset()
        # A repair of the same cells would keep these rows.
        if finding.rule in self.accepted.unnamed_quarantine:
            offered = (f for f in self.findings if f.repair and f.rule in self.keeping)
            same = (f for f in offered if (f.table, f.column) == (finding.table, finding.column))
            but = frozenset(row for f in same for row in is_repaired(self.copy, subject, _BY_ID[f.rule], table, f))
            self.merged += len(but) if finding.rule == duplicate_key.RULE.id else 0
        removed = quarantine(self.copy, subject, rule, table, finding, but=but)
        if removed:
            self._cascade(subject)
        return removed

    def _cascade(self, subject: Subject) -> None:
        nulls = foreign_key_orphan.RULE.id in self.accepted.fix
        self.nullable_left |= quarantine_children(
            self.copy, subject, nulls=nulls, nullable_stay=self.nullable_stay and not nulls
        )


def _edits_rows(rule: str) -> bool:
    found = _BY_ID.get(rule)
    return found is not None and (
        isinstance(found, ValueRule) or found.offences is not None or found.cell_repair is not None
    )


def _table(plan: Plan, finding: Finding) -> PlannedTable | None:
    table = plan.table(finding.table)
    return table if table and can_be_edited(table) and _edits_rows(finding.rule) else None


def _with_rows(copy: RepairCopy, plan: Plan) -> Plan:
    """Return the plan with the working copy's numbers of rows."""
    tables = []
    for table in plan.tables:
        query = compose("SELECT count(*) FROM main.{table} NOT INDEXED", table=name(table.source.name))
        (rows,) = copy.database.execute(query).fetchone()
        tables.append(dataclasses.replace(table, source=dataclasses.replace(table.source, rows=rows)))
    return dataclasses.replace(plan, tables=tuple(tables))


def _outcome(before: tuple[Finding, ...], after: tuple[Finding, ...], accepted: Accepted) -> tuple[Finding, ...]:
    """Return the first findings, marked as applied where repaired, and the remaining ones with their numbers.

    Those that remain do not offer the accepted repairs, which could do nothing more. Findings about the schema do not
    change.
    """
    by_name = accepted.quarantine - accepted.unnamed_quarantine
    remaining = {}
    for finding in after:
        if _edits_rows(finding.rule):
            repair = "" if finding.rule in accepted.fix else finding.repair
            quarantinable = finding.quarantinable and finding.rule not in by_name
            finding = dataclasses.replace(finding, applied=False, repair=repair, quarantinable=quarantinable)
        remaining[_place(finding)] = finding
    repaired = []
    for finding in before:
        if _place(finding) in remaining:
            repaired.append(remaining.pop(_place(finding)))
        elif not getattr(_BY_ID.get(finding.rule), "reexamined", False):
            repaired.append(dataclasses.replace(finding, applied=True) if _edits_rows(finding.rule) else finding)
    return (*repaired, *remaining.values())


def _place(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.table, finding.column
