"""Try a rule's repair on the values in which the rule finds faults, without writing anything."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from migrate_to_pg.records import Finding, PlannedColumn, PlannedTable
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import Offence, Rule, SetRule, Subject, UnrepairableError, Value
from migrate_to_pg.rules.keys import duplicate_key
from migrate_to_pg.rules.mergeable import mergeable


def with_trial(subject: Subject, rule: Rule, finding: Finding, rowids: Sequence[int] | None = None) -> Finding:
    """Return the finding with the number of rows that its repair really repairs.

    Where that is none, the finding offers no repair. ``rowids`` are its rows, where they are known.
    """
    table = subject.plan.table(finding.table)
    if not finding.repair:
        return finding
    if rule.id == duplicate_key.RULE.id:
        count = mergeable(subject, table, finding.column) if table else 0
    elif rule.cell_repair is None:
        # It is made for the whole table or column at once.
        count = finding.count
    elif table is None or not samples.can_be_edited(table):
        count = 0
    else:
        columns = [c for c in table.columns if c.name in finding.column.split(", ")]
        found = rowids or ()
        if rowids is None and isinstance(rule, SetRule):
            found = offending(subject, rule, table, columns)
        count = sum(1 for _ in repaired(subject, rule, table, finding.column, found))
    return dataclasses.replace(finding, repairable=count, repair=finding.repair if count else "")


def repaired(
    subject: Subject, rule: Rule, table: PlannedTable, column: str, rowids: Sequence[int]
) -> Iterator[tuple[int, Value]]:
    """Yield the rows whose value can be repaired, each with its new value. ``column`` is PostgreSQL's name."""
    found = next((c for c in table.loaded_columns if c.name == column), None)
    if rule.cell_repair is None or found is None or found in table.key or found.source.generated:
        return
    repair = rule.cell_repair(subject, table, found)
    if repair is None:
        return
    for rowid, value in samples.values(subject, table.source, found.source, rowids):
        try:
            new = repair(value)
        except UnrepairableError:
            continue
        yield rowid, new


def offending(subject: Subject, rule: SetRule, table: PlannedTable, columns: Sequence[PlannedColumn]) -> list[int]:
    """Return the rows in which the rule finds a fault with exactly these columns."""
    conditions = (o.where for o in offences(rule, subject, table) if same_columns(o, columns))
    return [row for where in conditions for row in samples.rowids(subject, table.source, where)]


def offences(rule: SetRule, subject: Subject, table: PlannedTable) -> Iterator[Offence]:
    """Yield the faults that the rule finds in one table."""
    return rule.offences(subject, table) if rule.offences else iter(())


def same_columns(offence: Offence, columns: Sequence[PlannedColumn]) -> bool:
    """Return whether an offence concerns exactly these columns."""
    return {c.name for c in offence.columns} == {c.name for c in columns}
