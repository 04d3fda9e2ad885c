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

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.records import Event, Plan, PlannedTable, Proof, TableProof, Verify
from migrate_to_pg.records.repairs import RepairResult
from migrate_to_pg.verify.compare import Comparison
from migrate_to_pg.verify.differences import SAMPLES, Verdict
from migrate_to_pg.verify.normalize_text import Speller
from migrate_to_pg.verify.postgres_reader import Target
from migrate_to_pg.verify.repairs import Expected, expected
from migrate_to_pg.verify.rows import Rows, Stream, ahead, columns_of
from migrate_to_pg.verify.sqlite_reader import BATCH_ROWS, Source, UnexpectedCellError

__all__ = ["prove"]


def prove(
    plan: Plan,
    snapshot: Path,
    conninfo: str,
    *,
    schema: str,
    verify: Verify,
    progress: Callable[[Event], None],
    mended: RepairResult | None = None,
) -> Proof:
    """Compare each planned table of ``schema`` with the snapshot; a difference is reported, never raised.

    ``plan`` and ``snapshot`` are as they were before any repair. With ``mended`` the tables hold the mended rows: they
    must be the snapshot's with exactly the edits of its journal, each of which is computed here anew.
    """
    source = Source(snapshot)
    told = Progress(progress, sum(table.source.rows for table in plan.tables))
    with expected(plan, source, mended) as repairs, Target(conninfo, schema) as target, Speller(conninfo) as speller:
        prover = Prover(source, target, repairs, zoneinfo.ZoneInfo(plan.source_time_zone), told, speller)
        one = prover.counts if verify is Verify.COUNTS else prover.cells
        tables = tuple(told.table(table, one) for table in plan.tables)
    return Proof(verify=verify, tables=(*tables, *map(stranger, repairs.strangers)))


def _ahead(batches: Generator[Rows]) -> contextlib.closing[Generator[Rows]]:
    return contextlib.closing(ahead(batches))


def stranger(verdict: Verdict) -> TableProof:
    """What the record of the repairs says of a table that there is none of."""
    return TableProof(
        name=verdict.table,
        rows_source=0,
        rows_target=0,
        cells_compared=0,
        differences=verdict.differences,
        samples=tuple(verdict.samples),
        seconds=0,
    )


class Progress:
    """Tells how many source rows of all tables were read, about once a batch."""

    def __init__(self, tell: Callable[[Event], None], total: int) -> None:
        self._tell = tell
        self._total = total
        self._before = 0
        self._describe = 0
        self._table = ""

    def table(self, table: PlannedTable, prove_one: Callable[[PlannedTable], TableProof]) -> TableProof:
        """Prove one table and add its rows to those before it."""
        self._table, self._describe = table.name, -BATCH_ROWS
        proof = prove_one(table)
        self._before += table.source.rows
        self._emit(0)
        return proof

    def rows(self, done: int) -> None:
        """So many rows of the present table were read."""
        if done - self._describe >= BATCH_ROWS:
            self._describe = done
            self._emit(done)

    def _emit(self, done: int) -> None:
        done = min(self._before + done, self._total)
        self._tell(Event(kind="progress", stage="prove", message=self._table, done=done, total=self._total))


class Prover:
    """Compares one table after another."""

    def __init__(
        self,
        source: Source,
        target: Target,
        repairs: Expected,
        zone: zoneinfo.ZoneInfo,
        progress: Progress,
        speller: Speller,
    ) -> None:
        self._source = source
        self._target = target
        self._repairs = repairs
        self._zone = zone
        self._progress = progress
        self._speller = speller

    def counts(self, table: PlannedTable) -> TableProof:
        """The numbers of rows only, and of those that repairs set aside."""
        started = time.monotonic()
        return self._proof(
            table,
            Verdict(table.name),
            rows_source=self._source.count(table.source.name, self._repairs.original(table)),
            rows_target=self._target.count(table.name),
            started=started,
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
        columns = columns_of(table, self._zone)
        key = [column for column in columns if column.planned in table.key]
        order = key or [column for column in columns if not column.computed] or columns
        rows = self._speller.rows(read(table.source.name, columns, order, self._repairs.relation(table)), columns)
        held = self._target.rows(table.name, columns, order)
        # Of large rows, one more on each side would cost more than the waiting.
        read_on = contextlib.closing if table.source.is_wide else _ahead
        with read_on(rows) as source, read_on(held) as target:
            left, right = Stream(source), Stream(target)
            verdict = Comparison(table.name, columns, key).run(left, right, self._progress.rows)
        self._ask_expressions(table, verdict, right.taken)
        repaired = self._repairs.table(table.name)
        original = self._repairs.original(table)
        rows_source = self._source.count(table.source.name, original) if repaired else left.taken
        return self._proof(table, verdict, rows_source=rows_source, rows_target=right.taken, started=started)

    def _ask_expressions(self, table: PlannedTable, verdict: Verdict, rows: int) -> None:
        """What PostgreSQL computes itself must be what its expression gives of the columns that were compared."""
        computed = [c.name for c in table.target.columns if c.generated]
        expressions = self._target.expressions(table.name) if computed else {}
        for column in computed:
            verdict.computed += rows
            expression = expressions[column]
            wrong = self._target.computed_wrongly(table.name, column, expression)
            if wrong:
                held = _("another value, in {rows}", rows=pluralize(wrong, "row", "rows"))
                given = _("what {expression} gives", expression=expression.expression)
                verdict.add("changed", {}, column, given, held)
                verdict.differences += wrong - 1

    def _proof(
        self, table: PlannedTable, verdict: Verdict, *, rows_source: int, rows_target: int, started: float
    ) -> TableProof:
        """The verdict of the comparison, and that on the record of the repairs."""
        repaired = self._repairs.table(table.name)
        record = repaired.verdict if repaired else Verdict(table.name)
        return TableProof(
            name=table.name,
            rows_source=rows_source,
            rows_target=rows_target,
            cells_compared=verdict.cells,
            differences=verdict.differences + record.differences,
            samples=tuple((record.samples + verdict.samples)[:SAMPLES]),
            seconds=time.monotonic() - started,
            quarantined=repaired.aside.get("quarantined", 0) if repaired else 0,
            merged=repaired.aside.get("merged", 0) if repaired else 0,
            cells_changed=repaired.cells_changed if repaired else 0,
            cells_computed=verdict.computed,
            otherwise=verdict.otherwise,
            left_out=tuple(column.name for column in table.derived),
        )
