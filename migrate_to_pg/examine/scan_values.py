"""A table's batches in, what the rules about single values find in them out: one scan of each table for all of them."""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs.reader import ColumnBatch, TableBatch, read
from migrate_to_pg.records import Event, Finding, PlannedColumn, PlannedTable
from migrate_to_pg.rules import RULES, Subject, ValueRule, samples
from migrate_to_pg.rules.base import SAMPLES
from migrate_to_pg.rules.repair_trial import with_trial
from migrate_to_pg.sqlite.sql import Sql

_VALUE_RULES = tuple(rule for rule in RULES if isinstance(rule, ValueRule))


class InvalidBatchError(Exception):
    """A batch holds a value that a rule finds fault with: which, and how many there are, the scan of all tells."""


def check_batch(batch: TableBatch) -> None:
    """Raise UnsoundError where a rule about values would have a finding in this batch."""
    if not batch.is_valid or next(_faults(batch.columns), None) is not None:
        raise InvalidBatchError


@dataclass(slots=True, kw_only=True)
class _Tally:
    """What one rule has found in one column so far."""

    rule: ValueRule
    column: PlannedColumn
    rowids: array[int] = field(default_factory=lambda: array("q"))

    def add(self, mask: pa.BooleanArray, rowids: pa.Int64Array) -> None:
        self.rowids.extend(pc.filter(rowids, mask).to_pylist())


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
        for tally in tallies.values():
            yield from _findings(subject, table, tally)


def _judge(batch: TableBatch, tallies: dict[tuple[str, str], _Tally]) -> None:
    for column, rule, mask in _faults(batch.columns):
        tally = tallies.setdefault((column.name, rule.id), _Tally(rule=rule, column=column))
        if batch.rowids is not None:
            tally.add(mask, batch.rowids)


def _faults(columns: Sequence[ColumnBatch]) -> Iterator[tuple[PlannedColumn, ValueRule, pa.BooleanArray]]:
    for column in columns:
        for rule in _VALUE_RULES:
            mask = rule.mask(column)
            if mask is not None:
                yield column.column, rule, mask


def _findings(subject: Subject, table: PlannedTable, tally: _Tally) -> Iterator[Finding]:
    """None where all that the mask marked is another rule's."""
    where = tally.rule.where(subject, table, tally.column) if tally.rule.where else None
    if where is None:
        with samples.set_of(subject, table.source, tally.rowids) as own:
            yield _finding(subject, table, tally, own)
    elif rowids := samples.rowids(subject, table.source, where):
        yield _finding(subject, table, dataclasses.replace(tally, rowids=rowids), where)


def _finding(subject: Subject, table: PlannedTable, tally: _Tally, own: Sql) -> Finding:
    rule, column, rowids = tally.rule, tally.column, tally.rowids
    told = rule.describe(subject, table, column, own)
    found = rule.finding(
        table=table.name,
        column=column.name,
        count=len(rowids),
        samples=samples.samples(subject, table, [column.source], rowids[:SAMPLES], with_class=rule.with_class),
        explanation=told.explanation,
        remedy=told.remedy,
    )
    return with_trial(subject, rule, found, rowids)
