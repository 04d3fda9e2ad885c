"""A table's batches in, what the rules about single values find in them out: one scan of each table for all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.columns.reader import ColumnBatch, TableBatch, read
from migrate_to_pg.records import Event, Finding, PlannedColumn, PlannedTable
from migrate_to_pg.rules import RULES, Subject, ValueRule, rows
from migrate_to_pg.rules.rule import SAMPLES

_VALUE_RULES = tuple(rule for rule in RULES if isinstance(rule, ValueRule))


class UnsoundError(Exception):
    """A batch holds a value that a rule finds fault with: which, and how many there are, the scan of all tells."""


def require_sound(batch: TableBatch) -> None:
    """Raise UnsoundError where a rule about values would have a finding in this batch."""
    if not batch.faultless or next(_faults(batch.columns), None) is not None:
        raise UnsoundError


@dataclass(slots=True, kw_only=True)
class _Tally:
    """What one rule has found in one column so far."""

    rule: ValueRule
    column: PlannedColumn
    count: int = 0
    rowids: list[int] = field(default_factory=list)

    def add(self, mask: pa.BooleanArray, rowids: pa.Int64Array | None) -> None:
        self.count += pc.sum(mask).as_py() or 0
        wanted = SAMPLES - len(self.rowids)
        if rowids is not None and wanted > 0:
            self.rowids += pc.filter(rowids, mask)[:wanted].to_pylist()


def value_findings(subject: Subject, snapshot: Path, progress: Callable[[Event], None]) -> Iterator[Finding]:
    """Every finding of the rules about single values, table after table."""
    total = sum(table.source.rows for table in subject.plan.tables)
    done = 0
    for table in subject.plan.tables:
        tallies: dict[tuple[str, str], _Tally] = {}
        for batch in read(table, snapshot, time_zone=subject.plan.source_time_zone):
            _judge(batch, tallies)
            done += batch.rows
            progress(Event(kind="progress", stage="examine", message=table.name, done=done, total=total))
        yield from (_finding(subject, table, own) for tally in tallies.values() if (own := _own(subject, table, tally)))


def _judge(batch: TableBatch, tallies: dict[tuple[str, str], _Tally]) -> None:
    for column, rule, mask in _faults(batch.columns):
        tally = tallies.setdefault((column.name, rule.id), _Tally(rule=rule, column=column))
        tally.add(mask, batch.rowids)


def _faults(columns: Sequence[ColumnBatch]) -> Iterator[tuple[PlannedColumn, ValueRule, pa.BooleanArray]]:
    for column in columns:
        for rule in _VALUE_RULES:
            mask = rule.mask(column)
            if mask is not None:
                yield column.column, rule, mask


def _own(subject: Subject, table: PlannedTable, tally: _Tally) -> _Tally | None:
    """What is this rule's own of what its mask marked; None where all of it is another's."""
    where = tally.rule.where(subject, table, tally.column) if tally.rule.where else None
    if where is None:
        return tally
    count = rows.count(subject, table.source, where)
    found = rows.first_rowids(subject, table.source, where) if count else []
    return dataclasses.replace(tally, count=count, rowids=found) if count else None


def _finding(subject: Subject, table: PlannedTable, tally: _Tally) -> Finding:
    told = tally.rule.tell(subject, table, tally.column)
    return tally.rule.finding(
        table=table.name,
        column=tally.column.name,
        count=tally.count,
        samples=rows.samples(subject, table, [tally.column.source], tally.rowids, with_class=tally.rule.with_class),
        explanation=told.explanation,
        remedy=told.remedy,
    )
