"""A plan, the snapshot and the staged tables go in; a Proof comes out: every difference counted, the first ones named.

The proof shares no conversion code with the stage that loads: it states its own canonical form of every type on both
sides (``forms``), so that it cannot certify a converter's mistake.
"""

from __future__ import annotations

import contextlib
import time
import zoneinfo
from collections.abc import Callable, Generator
from pathlib import Path

from migrate_to_pg.account import Mended
from migrate_to_pg.prove.compare import Comparison
from migrate_to_pg.prove.families import family
from migrate_to_pg.prove.forms import Facts
from migrate_to_pg.prove.rows import Column, Rows, Stream, ahead
from migrate_to_pg.prove.source import BATCH_ROWS, Source, UnexpectedCellError
from migrate_to_pg.prove.target import Target
from migrate_to_pg.records import Event, Plan, PlannedColumn, PlannedTable, Proof, TableProof, Verify

__all__ = ["prove"]


def prove(
    plan: Plan,
    snapshot: Path,
    conninfo: str,
    *,
    schema: str,
    verify: Verify,
    progress: Callable[[Event], None],
    mended: Mended | None = None,
) -> Proof:
    """Compare each planned table of ``schema`` with the snapshot; a difference is reported, never raised.

    ``plan`` and ``snapshot`` are as they were before any repair. With ``mended`` the tables hold the mended rows: they
    must be the snapshot's with exactly the edits of its journal, each of which is computed here anew.
    """
    source = Source(snapshot)
    told = Progress(progress, sum(table.source.rows for table in plan.tables))
    with Target(conninfo, schema) as target:
        prover = Prover(source, target, zoneinfo.ZoneInfo(plan.source_time_zone), told)
        one = prover.counts if verify is Verify.COUNTS else prover.cells
        tables = tuple(told.table(table, one) for table in plan.tables)
    return Proof(verify=verify, tables=tables)


class Progress:
    """Tells how many source rows of all tables were read, about once a batch."""

    def __init__(self, tell: Callable[[Event], None], total: int) -> None:
        self._tell = tell
        self._total = total
        self._before = 0
        self._told = 0
        self._table = ""

    def table(self, table: PlannedTable, prove_one: Callable[[PlannedTable], TableProof]) -> TableProof:
        """Prove one table and add its rows to those before it."""
        self._table, self._told = table.name, -BATCH_ROWS
        proof = prove_one(table)
        self._before += table.source.rows
        self._emit(0)
        return proof

    def rows(self, done: int) -> None:
        """So many rows of the present table were read."""
        if done - self._told >= BATCH_ROWS:
            self._told = done
            self._emit(done)

    def _emit(self, done: int) -> None:
        done = min(self._before + done, self._total)
        self._tell(Event(kind="progress", stage="prove", message=self._table, done=done, total=self._total))


class Prover:
    """Compares one table after another."""

    def __init__(self, source: Source, target: Target, zone: zoneinfo.ZoneInfo, progress: Progress) -> None:
        self._source = source
        self._target = target
        self._zone = zone
        self._progress = progress

    def counts(self, table: PlannedTable) -> TableProof:
        """The numbers of rows only."""
        started = time.monotonic()
        rows = self._source.count(table.source.name), self._target.count(table.name)
        return TableProof(
            name=table.name,
            rows_source=rows[0],
            rows_target=rows[1],
            cells_compared=0,
            differences=0,
            samples=(),
            seconds=time.monotonic() - started,
        )

    def cells(self, table: PlannedTable) -> TableProof:
        """Every cell, by the quick reader of the source where it can."""
        if not table.columns:
            return self.counts(table)
        with contextlib.suppress(UnexpectedCellError):
            return self._compare(table, self._source.quick)
        return self._compare(table, self._source.patient)

    def _compare(self, table: PlannedTable, read: Callable[..., Generator[Rows]]) -> TableProof:
        started = time.monotonic()
        columns = [self._column(index, planned) for index, planned in enumerate(table.columns)]
        key = [column for column in columns if column.planned in table.key]
        order = key or columns
        with (
            contextlib.closing(ahead(read(table.source.name, columns, order))) as source,
            contextlib.closing(ahead(self._target.rows(table.name, columns, order))) as target,
        ):
            left, right = Stream(source), Stream(target)
            verdict = Comparison(table.name, columns, key).run(left, right, self._progress.rows)
        return TableProof(
            name=table.name,
            rows_source=left.taken,
            rows_target=right.taken,
            cells_compared=verdict.cells,
            differences=verdict.differences,
            samples=tuple(verdict.samples),
            seconds=time.monotonic() - started,
        )

    def _column(self, index: int, planned: PlannedColumn) -> Column:
        target = planned.target
        return Column(
            index=index,
            planned=planned,
            family=family(target.type_name, target.precision, target.scale),
            facts=Facts(precision=target.precision, scale=target.scale, zone=self._zone),
        )
