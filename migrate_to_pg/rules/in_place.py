"""Which rules have a repair in SQLite itself, by ``sqlite_doctor --repair``; that of --fix never touches the source."""

from __future__ import annotations

from collections.abc import Collection

from migrate_to_pg.records import Finding
from migrate_to_pg.rules import dangling_foreign_key, schema_drift

#: Rule -> "lossless" or "lossy".
REPAIRS = {dangling_foreign_key.RULE.id: "lossless", schema_drift.RULE.id: "lossless"}


def repairable(findings: Collection[Finding]) -> tuple[str, ...]:
    """Those of the rules found that have such a repair."""
    return tuple(sorted({finding.rule for finding in findings} & set(REPAIRS)))
