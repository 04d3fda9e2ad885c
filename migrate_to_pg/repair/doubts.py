"""What was found before and after a repair in; out: every reason to take it back."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from migrate_to_pg.records import Finding
from migrate_to_pg.repair.steps import Step
from migrate_to_pg.rules.of_the_doctor import WRITE_PROBE


def doubts(before: Collection[Finding], after: Collection[Finding], steps: Collection[Step]) -> list[str]:
    """What is found that was not there before, and what should be gone but is not; empty where all is well."""
    return [*_new(before, after), *_left(before, after, steps)]


def _new(before: Collection[Finding], after: Collection[Finding]) -> Iterator[str]:
    for finding in after:
        known = [f for f in before if f.rule == finding.rule and f.table == finding.table and _covers(f, finding)]
        if sum(f.count for f in known) < finding.count:
            yield f"new: {_place(finding)}"


def _covers(known: Finding, finding: Finding) -> bool:
    """Whether it is the same fault, or what is left of it.

    A table that could not be written to for one reason may not be for another that comes to light now.
    """
    if known.rule == WRITE_PROBE.id:
        return True
    return set(finding.column.split(", ")) <= set(known.column.split(", "))


def _left(before: Collection[Finding], after: Collection[Finding], steps: Collection[Step]) -> Iterator[str]:
    """A step that says which columns it repairs must have repaired them."""
    for finding in after:
        if any(step.rule == finding.rule and step.repairs(finding) for step in steps):
            yield f"still there: {_place(finding)}"


def _place(finding: Finding) -> str:
    place = f"{finding.table}.{finding.column}" if finding.column else finding.table
    return f"{finding.rule} {place}".rstrip()
