"""Compare the findings before and after a repair for reasons to undo it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from migrate_to_pg.doctor.repair.replace_rows import RepairedRows
from migrate_to_pg.doctor.repair.steps import Step
from migrate_to_pg.errors import RepairError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level
from migrate_to_pg.rules.doctor_findings import WRITE_PROBE


def find_regressions(
    before: Collection[Finding], after: Collection[Finding], steps: Collection[Step], repaired_rows: RepairedRows | None
) -> list[str]:
    """Return new findings, and those that should be gone, none where the repair is good.

    Findings of the repair of rows count as known: equal keys, say, that showed once they were spelled alike.
    """
    row_findings = repaired_rows.findings if repaired_rows else ()
    edited = {table.name for table, _ in repaired_rows.edits} if repaired_rows else set()
    known = [*before, *(finding for finding in row_findings if not finding.applied)]
    # Wrong values hid it: a lost constraint is a finding only once the rows satisfy it again.
    relevant = [f for f in after if f.level is Level.ERROR or f.table not in edited]
    repaired = {(f.rule, f.table, f.column) for f in row_findings if f.applied}
    return [*_new(known, relevant), *_left(after, steps, repaired)]


def _new(before: Collection[Finding], after: Collection[Finding]) -> Iterator[str]:
    for finding in after:
        known = [f for f in before if f.rule == finding.rule and f.table == finding.table and _covers(f, finding)]
        if sum(f.count for f in known) < finding.count:
            yield _("new: {place}", place=_place(finding))


def _covers(known: Finding, finding: Finding) -> bool:
    """Report whether it is the same fault, or the rest of it.

    A table that could not be written to for one reason may not be for another that appears now.
    """
    if known.rule == WRITE_PROBE.id:
        return True
    return set(finding.column.split(", ")) <= set(known.column.split(", "))


def _left(
    after: Collection[Finding], steps: Collection[Step], repaired: Collection[tuple[str, str, str]]
) -> Iterator[str]:
    """Yield the findings that a step says it repairs, or that the repair of rows had repaired."""
    for finding in after:
        place = (finding.rule, finding.table, finding.column)
        if place in repaired or any(step.repairs(finding) for step in steps):
            yield _("still there: {place}", place=_place(finding))


def _place(finding: Finding) -> str:
    place = f"{finding.table}.{finding.column}" if finding.column else finding.table
    return f"{finding.rule} {place}".rstrip()


def require_none(found: list[str]) -> None:
    """Raise RepairError where there is a regression."""
    if found:
        raise RepairError(
            _("The repair did not come out as it should; the database is as it was."),
            detail=found,
            remedy=_("Repair one rule at a time to see which one it is."),
        )
