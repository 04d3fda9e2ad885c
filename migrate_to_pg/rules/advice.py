"""Advise which repairs and quarantines to accept, so that a run continues and keeps as many rows as possible.

A repair that keeps the row, lossy or not, comes before quarantine, which leaves the row out of PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from migrate_to_pg.records import Advice, Finding
from migrate_to_pg.rules import RULES, accepted_rules
from migrate_to_pg.rules.keys import duplicate_key, foreign_key_orphan
from migrate_to_pg.rules.values import boolean_as_read, boolean_value

#: The names by which --fix takes the repairs of rules.
_NAMES = {rule.id: rule.repair_name or rule.id for rule in RULES}
_DUPLICATES = duplicate_key.RULE.id


def advise(
    findings: Collection[Finding],
    *,
    fix: Sequence[str],
    quarantine: Sequence[str],
    nullable_left: bool = False,
    merge: bool = False,
) -> Advice:
    """Add to the accepted options the repairs that keep rows of blocking findings, and quarantine for the others.

    ``nullable_left`` says that keys which may be NULL would refer to quarantined rows, ``merge`` that duplicates can be
    merged without a loss. Where they cannot, they may be different things, and only the user can name the merge.
    Quarantine is advised by name then, since ``all`` leaves to a repair what it would settle.
    """
    accepted = accepted_rules(fix)
    blocking = [f for f in findings if f.blocks and not is_read_without_loss(f, findings)]
    repairs = {f.rule: f.repair for f in blocking if f.repair and f.rule not in accepted}
    if nullable_left and foreign_key_orphan.RULE.id not in accepted:
        repairs[foreign_key_orphan.RULE.id] = foreign_key_orphan.RULE.repair
    named = any(f.rule == _DUPLICATES and f.repair and f.quarantinable for f in blocking) and not merge
    if not merge:
        repairs.pop(_DUPLICATES, None)
    lossless = ["lossless"] if "lossless" in repairs.values() else []
    lossy = sorted(_NAMES[rule] for rule, repair in repairs.items() if repair == "lossy")
    others = (f for f in blocking if not (named and f.rule == _DUPLICATES))
    left = any(f.quarantinable and (f.repairable or 0) < f.count for f in others)
    quarantined = [*(["all"] if left else []), *([_DUPLICATES] if named else [])]
    return Advice(
        fix=tuple(dict.fromkeys([*fix, *lossless, *lossy])),
        quarantine=tuple(dict.fromkeys([*quarantine, *quarantined])),
    )


def is_read_without_loss(finding: Finding, findings: Collection[Finding]) -> bool:
    """Return whether boolean-as-read, which replaces the values by what Django reads, reports them too."""
    place = (boolean_as_read.RULE.id, finding.table, finding.column)
    return finding.rule == boolean_value.RULE.id and any((f.rule, f.table, f.column) == place for f in findings)
