"""Apply the accepted repair of a finding to the working copy.

The rule decides on the new value. This module finds the rows: by the rule's mask over the batches that load sends, or
by its conditions in SQL.
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
from migrate_to_pg.sqlite.arrow_connections import ArrowConnections
from migrate_to_pg.sqlite.sql import compose

_Rule = SetRule | ValueRule
#: The staged rows, each with the reason for its removal.
_STAGED_ROWS = compose("SELECT row, new AS reason, NULL AS kept FROM {edits}", edits=EDITS)


def repair(copy: RepairCopy, subject: Subject, rule: _Rule, table: PlannedTable, finding: Finding) -> int:
    """Repair every cell of one finding that can be repaired, and return the number of changed cells."""
    columns = [c for c in table.loaded_columns if c.name == finding.column]
    if rule.cell_repair is None or not columns:
        return 0
    rowids = matching_rowids(copy, subject, rule, table, columns)
    copy.stage_edits(repaired(subject, rule, table, finding.column, rowids))
    return copy.apply_edits(rule.id, table, columns[0])


def quarantine(
    copy: RepairCopy,
    subject: Subject,
    rule: _Rule,
    table: PlannedTable,
    finding: Finding,
    *,
    but: Collection[int] = (),
) -> int:
    """Quarantine every row of one finding except ``but``, and return their number."""
    columns = tuple(c for c in table.columns if c.name in finding.column.split(", "))
    reason = f"{_(rule.title)}: {finding.column}"
    copy.stage_edits((row, reason) for row in matching_rowids(copy, subject, rule, table, columns) if row not in but)
    return copy.remove_rows(rule.id, table, RowOutcome.QUARANTINED, _STAGED_ROWS)


def is_repaired(
    copy: RepairCopy, subject: Subject, rule: _Rule, table: PlannedTable, finding: Finding
) -> Iterable[int]:
    """Return the rows of one finding that the repair of its rule would keep."""
    columns = tuple(c for c in table.columns if c.name in finding.column.split(", "))
    rowids = matching_rowids(copy, subject, rule, table, columns)
    if rule.id == duplicate_key.RULE.id:
        return rowids
    return (row for row, __ in repaired(subject, rule, table, finding.column, rowids))


def quarantine_refused(copy: RepairCopy, table: PlannedTable, refusal: Refusal) -> int:
    """Quarantine the rows that PostgreSQL refused, and return their number."""
    rule = refused_row.rule_of(table, refusal)
    reason = f"{_(rule.title)}: {refusal.reason}"
    copy.stage_edits((row, reason) for row in refusal.rows)
    return copy.remove_rows(rule.id, table, RowOutcome.QUARANTINED, _STAGED_ROWS)


def matching_rowids(
    copy: RepairCopy, subject: Subject, rule: _Rule, table: PlannedTable, columns: Sequence[PlannedColumn]
) -> Sequence[int]:
    """Return the rowids of all rows that break the rule in those columns, of which a finding shows five."""
    if isinstance(rule, SetRule):
        return repair_trial.offending(subject, rule, table, columns)
    (column,) = columns
    where = rule.where(subject, table, column) if rule.where else None
    if where is not None:
        return samples.rowids(subject, table.source, where)
    found = array("q")
    one = dataclasses.replace(table, columns=(column,))
    with ArrowConnections(copy.path) as connections:
        for batch in read(one, connections, time_zone=subject.plan.source_time_zone):
            mask = rule.mask(batch.columns[0])
            if mask is not None and batch.rowids is not None:
                found.extend(pc.filter(batch.rowids, mask).to_pylist())
    return found
