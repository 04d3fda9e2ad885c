"""Compare SQLite's own checks, and the findings, before and after a repair for reasons to undo it."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from migrate_to_pg.doctor.repair.steps import Step
from migrate_to_pg.errors import RepairError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.records import Finding
from migrate_to_pg.rules.doctor_findings import WRITE_PROBE
from migrate_to_pg.rules.file import integrity_check
from migrate_to_pg.sqlite.ddl import read_definition

#: (table, columns of the key) -> rows that break it.
Broken = Counter[tuple[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrityResult:
    """The results of integrity_check and foreign_key_check."""

    messages: frozenset[str]
    broken_keys: Broken
    #: Tables that SQLite could not check.
    unknown: frozenset[str] = frozenset()


def read_integrity(database: sqlite3.Connection) -> IntegrityResult:
    """Run both checks within the open transaction."""
    messages = set(integrity_check.answers(database, integrity_check.WHOLE)) - {"ok", ""}
    broken: Broken = Counter()
    unknown = set()
    for (table,) in database.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
        try:
            query = "SELECT fkid, count(*) FROM pragma_foreign_key_check(?, 'main') GROUP BY 1"
            keys = read_definition(database, table).foreign_keys
            broken += Counter({(table, keys[number][1]): count for number, count in database.execute(query, [table])})
        except sqlite3.OperationalError as error:
            # "foreign key mismatch": a parent has no such unique key.
            messages.add(str(error))
            unknown.add(table)
    return IntegrityResult(messages=frozenset(messages), broken_keys=broken, unknown=frozenset(unknown))


def new_failures(before: IntegrityResult, after: IntegrityResult) -> list[str]:
    """Return the failures that were not there before: none where a repair did no harm."""
    rows = [
        _(
            "{rows} of {table} would break the foreign key on {columns}",
            rows=pluralize(count - before.broken_keys[place], "row", "rows"),
            table=place[0],
            columns=", ".join(place[1]),
        )
        for place, count in after.broken_keys.items()
        if count > before.broken_keys[place] and place[0] not in before.unknown
    ]
    return [*sorted(after.messages - before.messages), *rows]


def check_integrity(before: IntegrityResult, after: IntegrityResult) -> None:
    """Raise RepairError where a repair did harm."""
    found = new_failures(before, after)
    if found:
        raise RepairError(
            _("After the repair SQLite's own checks would find what they did not find before; nothing was changed."),
            detail=found,
            remedy=_("Repair the rows that are named first, or together with this."),
        )


def find_regressions(before: Collection[Finding], after: Collection[Finding], steps: Collection[Step]) -> list[str]:
    """Return new findings, and those that should be gone, none where the repair is good."""
    return [
        *(
            _("new: {place}", place=_place(finding))
            for finding in after
            if finding.count > sum(known.count for known in before if _is_same_fault(known, finding))
        ),
        *(
            _("still there: {place}", place=_place(finding))
            for finding in after
            if any(step.repairs(finding) for step in steps)
        ),
    ]


def _is_same_fault(known: Finding, finding: Finding) -> bool:
    """Report whether it is the same fault, or the rest of it."""
    if (known.rule, known.table) != (finding.rule, finding.table):
        return False
    # A table that could not be written to for one reason may not be for another that appears now.
    return known.rule == WRITE_PROBE.id or set(finding.column.split(", ")) <= set(known.column.split(", "))


def _place(finding: Finding) -> str:
    return f"{finding.rule} {finding.place}".rstrip()


def require_none(found: list[str]) -> None:
    """Raise RepairError where there is a regression."""
    if found:
        raise RepairError(
            _("The repair did not give the expected result; the database is unchanged."),
            detail=found,
            remedy=_("Repair one rule at a time to see which one it is."),
        )
