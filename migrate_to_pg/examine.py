"""A plan and its snapshot in, findings out: every fault that PostgreSQL would refuse or change, found in one run.

Rules about the schema and about rows together ask SQLite; the rules about single values share one scan of each table,
as masks over the very batches that the load sends. Nothing is written.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.columns import codec_for
from migrate_to_pg.columns.reader import ColumnBatch, TableBatch, read
from migrate_to_pg.errors import SourceError
from migrate_to_pg.records import Event, Finding, Level, Plan, PlannedColumn, PlannedTable, SourceCatalog
from migrate_to_pg.rules import RULES, SetRule, Subject, ValueRule, rows
from migrate_to_pg.rules.rule import SAMPLES

Progress = Callable[[Event], None]

_SET_RULES = tuple(rule for rule in RULES if isinstance(rule, SetRule))
_VALUE_RULES = tuple(rule for rule in RULES if isinstance(rule, ValueRule))


def examine(
    plan: Plan,
    catalog: SourceCatalog,
    snapshot: Path,
    *,
    accepted: frozenset[str],
    progress: Progress,
    skip_leftovers: bool = False,
    rows_only: bool = False,
    original: Path | None = None,
) -> tuple[Finding, ...]:
    """All findings, errors first, then in the plan's order; with ``rows_only`` those of the rules about rows.

    ``accepted`` comes from ``rules.accepted_rules``; ``original`` is what the snapshot is a copy of, for messages.
    Raises SourceError where SQLite cannot read the snapshot.
    """
    try:
        with rows.opened(snapshot, time_zone=plan.source_time_zone) as database:
            subject = Subject(plan=plan, catalog=catalog, database=database, skip_leftovers=skip_leftovers)
            found = [*_set_findings(subject, rows_only=rows_only), *_value_findings(subject, snapshot, progress)]
    except sqlite3.Error as error:
        raise SourceError(
            f"SQLite could not examine {original or snapshot}.",
            detail=[str(error)],
            remedy="Run PRAGMA integrity_check on the database; restore the damaged table from a backup.",
        ) from error
    return tuple(sorted((_accept(finding, accepted) for finding in found), key=_order(plan)))


def _accept(finding: Finding, accepted: frozenset[str]) -> Finding:
    return dataclasses.replace(finding, applied=bool(finding.repair) and finding.rule in accepted)


def _order(plan: Plan) -> Callable[[Finding], tuple[object, ...]]:
    """Errors first; tables in plan order, those that are not in the plan after them."""
    position = {table.name: index for index, table in enumerate(plan.tables)}

    def key(finding: Finding) -> tuple[object, ...]:
        place = position.get(finding.table, len(position))
        return (finding.level is not Level.ERROR, place, finding.table, finding.column, finding.rule)

    return key


def _set_findings(subject: Subject, *, rows_only: bool) -> Iterator[Finding]:
    for rule in _SET_RULES:
        if rule.offences is not None or rule.asked_again or not rows_only:
            yield from rule.find(subject)


# --- values: one scan of each table -----------------------------------------------------------------------------------


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


def _value_findings(subject: Subject, snapshot: Path, progress: Progress) -> Iterator[Finding]:
    total = sum(table.source.rows for table in subject.plan.tables)
    done = 0
    for table in subject.plan.tables:
        tallies: dict[tuple[str, str], _Tally] = {}
        for batch in read(_readable(table), snapshot, time_zone=subject.plan.source_time_zone):
            _judge(batch, tallies)
            done += batch.rows
            progress(Event(kind="progress", stage="examine", message=table.name, done=done, total=total))
        yield from (_finding(subject, table, own) for tally in tallies.values() if (own := _own(subject, table, tally)))


def _readable(table: PlannedTable) -> PlannedTable:
    """Without the columns whose type is not carried, so that one of them does not hide the faults of the others."""
    carried = tuple(c for c in table.columns if c.target.generated or codec_for(c.target) is not None)
    return dataclasses.replace(table, columns=carried)


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
        explanation=told.explanation + rows.without_samples(table.source),
        remedy=told.remedy,
    )
