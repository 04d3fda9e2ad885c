"""Run all rules about single values in one scan of each table."""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs.reader import ColumnBatch, TableBatch, read
from migrate_to_pg.records import Event, Finding, PlannedColumn, PlannedTable, Progress
from migrate_to_pg.rules import RULES, Subject, ValueRule, samples
from migrate_to_pg.rules.base import SAMPLES
from migrate_to_pg.rules.repair_trial import with_trial
from migrate_to_pg.sqlite.arrow_connections import ArrowConnections
from migrate_to_pg.sqlite.sql import Sql

_VALUE_RULES = tuple(rule for rule in RULES if isinstance(rule, ValueRule))


class InvalidBatchError(Exception):
    """A batch has a value that breaks a rule. The scan of all tables finds which, and how many there are."""


def check_batch(batch: TableBatch) -> None:
    """Raise InvalidBatchError where a rule about values would have a finding in this batch."""
    if not batch.is_valid or next(_faults(batch.columns), None) is not None:
        raise InvalidBatchError


@dataclass(slots=True, kw_only=True)
class _RuleHits:
    """The rows of one column that break one rule."""

    rule: ValueRule
    column: PlannedColumn
    rowids: array[int] = field(default_factory=lambda: array("q"))

    def add(self, mask: pa.BooleanArray, rowids: pa.Int64Array) -> None:
        self.rowids.extend(pc.filter(rowids, mask).to_pylist())


def value_findings(subject: Subject, snapshot: Path, progress: Progress) -> Iterator[Finding]:
    """Yield every finding of the rules about single values, table after table."""
    with ArrowConnections(snapshot) as connections:
        yield from _value_findings(subject, connections, progress)


def _value_findings(subject: Subject, connections: ArrowConnections, progress: Progress) -> Iterator[Finding]:
    total = sum(table.source.rows for table in subject.plan.tables)
    done = 0
    for table in subject.plan.tables:
        by_rule: dict[tuple[str, str], _RuleHits] = {}
        for batch in read(table, connections, time_zone=subject.plan.source_time_zone):
            for column, rule, mask in _faults(batch.columns):
                hits = by_rule.setdefault((column.name, rule.id), _RuleHits(rule=rule, column=column))
                if batch.rowids is not None:
                    hits.add(mask, batch.rowids)
            done += batch.rows
            progress(Event(kind="progress", stage="examine", message=table.name, done=done, total=total))
        for hits in by_rule.values():
            # There is no finding where another rule reports everything that the mask marked.
            where = hits.rule.where(subject, table, hits.column) if hits.rule.where else None
            if where is None:
                with samples.temporary_set(subject, table.source, hits.rowids) as own:
                    yield _finding(subject, table, hits, own)
            elif rowids := samples.rowids(subject, table.source, where):
                yield _finding(subject, table, dataclasses.replace(hits, rowids=rowids), where)


def _faults(columns: Sequence[ColumnBatch]) -> Iterator[tuple[PlannedColumn, ValueRule, pa.BooleanArray]]:
    for column in columns:
        for rule in _VALUE_RULES:
            mask = rule.mask(column)
            if mask is not None:
                yield column.column, rule, mask


def _finding(subject: Subject, table: PlannedTable, hits: _RuleHits, own: Sql) -> Finding:
    rule, column, rowids = hits.rule, hits.column, hits.rowids
    description = rule.describe(subject, table, column, own)
    found = rule.finding(
        table=table.name,
        column=column.name,
        count=len(rowids),
        samples=samples.samples(subject, table, [column.source], rowids[:SAMPLES], with_class=rule.with_class),
        explanation=description.explanation,
        remedy=description.remedy,
    )
    return with_trial(subject, rule, found, rowids)
