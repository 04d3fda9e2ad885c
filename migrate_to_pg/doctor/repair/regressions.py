"""What was found before and after a repair in; out: every reason to take it back."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from migrate_to_pg.doctor.repair.replace_rows import RepairedRows
from migrate_to_pg.doctor.repair.steps import Step
from migrate_to_pg.errors import RepairError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level
from migrate_to_pg.rules.doctor_findings import WRITE_PROBE


def find_regressions(
    before: Collection[Finding], after: Collection[Finding], steps: Collection[Step], mended: RepairedRows | None
) -> list[str]:
    """What is found that was not there before, and what should be gone but is not; empty where all is well.

    What came to light while rows were mended was there before: equal keys, say, once they are written alike.
    """
    outcome = mended.findings if mended else ()
    edited = {table.name for table, _ in mended.edits} if mended else set()
    known = [*before, *(finding for finding in outcome if not finding.applied)]
    # Wrong values hid it: a lost constraint is told only once the rows could be under it again.
    looked_at = [f for f in after if f.level is Level.ERROR or f.table not in edited]
    settled = {(f.rule, f.table, f.column) for f in outcome if f.applied}
    return [*_new(known, looked_at), *_left(after, steps, settled)]


def _new(before: Collection[Finding], after: Collection[Finding]) -> Iterator[str]:
    for finding in after:
        known = [f for f in before if f.rule == finding.rule and f.table == finding.table and _covers(f, finding)]
        if sum(f.count for f in known) < finding.count:
            yield _("new: {place}", place=_place(finding))


def _covers(known: Finding, finding: Finding) -> bool:
    """Whether it is the same fault, or what is left of it.

    A table that could not be written to for one reason may not be for another that comes to light now.
    """
    if known.rule == WRITE_PROBE.id:
        return True
    return set(finding.column.split(", ")) <= set(known.column.split(", "))


def _left(
    after: Collection[Finding], steps: Collection[Step], settled: Collection[tuple[str, str, str]]
) -> Iterator[str]:
    """A step that says which columns it repairs must have repaired them, and mended rows must be mended."""
    for finding in after:
        place = (finding.rule, finding.table, finding.column)
        if place in settled or any(step.repairs(finding) for step in steps):
            yield _("still there: {place}", place=_place(finding))


def _place(finding: Finding) -> str:
    place = f"{finding.table}.{finding.column}" if finding.column else finding.table
    return f"{finding.rule} {place}".rstrip()


def require_none(found: list[str]) -> None:
    """Raise RepairError where there is any doubt."""
    if found:
        raise RepairError(
            _("The repair did not come out as it should; the database is as it was."),
            detail=found,
            remedy=_("Repair one rule at a time to see which one it is."),
        )
