"""Which rules have a repair in SQLite itself, by ``sqlite_doctor --repair``; that of --fix never touches the source."""

from __future__ import annotations

from collections.abc import Collection

from migrate_to_pg.records import Finding
from migrate_to_pg.rules import RULES
from migrate_to_pg.rules.advice import is_read_without_loss
from migrate_to_pg.rules.keys import dangling_foreign_key, duplicate_key
from migrate_to_pg.rules.schema import schema_drift
from migrate_to_pg.rules.values import null_in_not_null

#: Of the schema: rule -> "lossless" or "lossy".
_OF_SCHEMA = {dangling_foreign_key.RULE.id: "lossless", schema_drift.RULE.id: "lossless"}
#: Of rows, the same repairs as --fix.
ROW_REPAIRS = {rule.id: rule.repair for rule in RULES if rule.mend is not None or rule is duplicate_key.RULE}
#: Rule -> "lossless" or "lossy".
REPAIRS = {**_OF_SCHEMA, **ROW_REPAIRS}
#: Another name of a repair -> its rule.
OTHER_NAMES = {rule.repair_name: rule.id for rule in RULES if rule.repair_name and rule.id in REPAIRS}
#: What a lost constraint let in: once it is gone the constraint can come back.
_LET_IN = {duplicate_key.RULE.id, null_in_not_null.RULE.id}


def repairable(findings: Collection[Finding], *, schema: bool) -> tuple[str, ...]:
    """Those of the rules found that have such a repair, and the one that brings lost constraints back.

    ``schema``: whether it is known what the migrations make on SQLite; else nothing of the schema is repaired.
    """
    offered = (f for f in findings if f.rule not in ROW_REPAIRS or f.repair)
    found = {finding.rule for finding in offered if not is_read_without_loss(finding, findings)}
    again = {schema_drift.RULE.id} if found & _LET_IN else set()
    repairs = REPAIRS if schema else ROW_REPAIRS
    return tuple(sorted((found | again) & set(repairs)))
