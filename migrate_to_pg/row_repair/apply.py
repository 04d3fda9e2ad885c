"""A finding whose repair was accepted in, edits of the working copy out.

What a repair puts in a value's place is said by the rule (``Rule.mend``); here are only the ways to the rows: by the
rule's mask over the batches that load sends, or by its conditions in SQL.
"""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Collection, Iterable, Sequence

import pyarrow.compute as pc

from migrate_to_pg.codecs.reader import read
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, PlannedColumn, PlannedTable, Refusal
from migrate_to_pg.records.repairs import RowOutcome
from migrate_to_pg.row_repair.working_copy import EDITS, RepairCopy
from migrate_to_pg.rules import SetRule, Subject, ValueRule, repair_trial, samples
from migrate_to_pg.rules.keys import duplicate_key
from migrate_to_pg.rules.repair_trial import repaired
from migrate_to_pg.rules.values import refused_row
from migrate_to_pg.sqlite.sql import compose

_Rule = SetRule | ValueRule
#: The rows at hand, each with the reason why it goes.
_AT_HAND = compose("SELECT row, new AS reason, NULL AS kept FROM {edits}", edits=EDITS)


def repair(copy: RepairCopy, subject: Subject, rule: _Rule, table: PlannedTable, finding: Finding) -> int:
    """Mend every offending cell of one finding that can be mended; returns how many were changed."""
    columns = [c for c in table.loaded_columns if c.name == finding.column]
    if rule.mend is None or not columns:
        return 0
    rowids = offending(copy, subject, rule, table, columns)
    copy.propose(repaired(subject, rule, table, finding.column, rowids))
    return copy.change(rule.id, table, columns[0])


def quarantine(
    copy: RepairCopy,
    subject: Subject,
    rule: _Rule,
    table: PlannedTable,
    finding: Finding,
    *,
    but: Collection[int] = (),
) -> int:
    """Take every row of one finding out, ``but`` those; returns how many."""
    columns = tuple(c for c in table.columns if c.name in finding.column.split(", "))
    reason = f"{_(rule.title)}: {finding.column}"
    copy.propose((row, reason) for row in offending(copy, subject, rule, table, columns) if row not in but)
    return copy.remove_rows(rule.id, table, RowOutcome.QUARANTINED, _AT_HAND)


def is_repaired(
    copy: RepairCopy, subject: Subject, rule: _Rule, table: PlannedTable, finding: Finding
) -> Iterable[int]:
    """The rows of one finding that the repair of its rule would keep."""
    columns = tuple(c for c in table.columns if c.name in finding.column.split(", "))
    rowids = offending(copy, subject, rule, table, columns)
    if rule.id == duplicate_key.RULE.id:
        return rowids
    return (row for row, __ in repaired(subject, rule, table, finding.column, rowids))


def quarantine_refused(copy: RepairCopy, table: PlannedTable, refusal: Refusal) -> int:
    """Take the rows out that PostgreSQL refused; returns how many."""
    rule = refused_row.rule_of(table, refusal)
    reason = f"{_(rule.title)}: {refusal.reason}"
    copy.propose((row, reason) for row in refusal.rows)
    return copy.remove_rows(rule.id, table, RowOutcome.QUARANTINED, _AT_HAND)


def offending(
    copy: RepairCopy, subject: Subject, rule: _Rule, table: PlannedTable, columns: Sequence[PlannedColumn]
) -> Sequence[int]:
    """The rowids of the rows that the rule finds fault with in those columns."""
    if isinstance(rule, SetRule):
        return repair_trial.offending(subject, rule, table, columns)
    (column,) = columns
    where = rule.where(subject, table, column) if rule.where else None
    if where is not None:
        return samples.rowids(subject, table.source, where)
    return _marked(copy, subject, rule, table, column)


def _marked(
    copy: RepairCopy, subject: Subject, rule: ValueRule, table: PlannedTable, column: PlannedColumn
) -> array[int]:
    """The rows that the rule's mask marks: all of them, where a finding shows five."""
    found = array("q")
    one = dataclasses.replace(table, columns=(column,))
    for batch in read(one, copy.path, time_zone=subject.plan.source_time_zone):
        mask = rule.mask(batch.columns[0])
        if mask is not None and batch.rowids is not None:
            found.extend(pc.filter(batch.rowids, mask).to_pylist())
    return found
