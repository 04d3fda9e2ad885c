"""Verify every cell against the snapshot: count the differences, and name the first ones.

The verification shares no conversion code with the stage that loads: ``canonical`` has its own canonical form of every
type on both sides, so that it cannot certify a converter's mistake.
"""

from __future__ import annotations

import contextlib
import logging
import time
import zoneinfo
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path

from psycopg import sql

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.records import Event, Plan, PlannedTable, Verification, VerifiedTable, Verify
from migrate_to_pg.records.repairs import RepairResult
from migrate_to_pg.verify.compare import Comparison
from migrate_to_pg.verify.differences import SAMPLES, TableDifferences
from migrate_to_pg.verify.journal import ExpectedTable, expected_tables, unrepaired
from migrate_to_pg.verify.normalize_text import TextNormalizer
from migrate_to_pg.verify.postgres_reader import NOTHING, Target
from migrate_to_pg.verify.rows import Rows, Stream, columns_of, prefetch
from migrate_to_pg.verify.sqlite_reader import BATCH_ROWS, Source, UnexpectedCellError, snapshot_relation

logger = logging.getLogger(__name__)

__all__ = ["verify_tables"]


def verify_tables(
    plan: Plan,
    snapshot: Path,
    conninfo: str,
    *,
    schema: str,
    verify: Verify,
    progress: Callable[[Event], None],
    repairs: RepairResult | None = None,
    shared: str = "",
    left_out: Mapping[str, sql.Composed] = NOTHING,
) -> Verification:
    """Compare each planned table of ``schema`` with the snapshot. A difference is reported, never raised.

    ``plan`` and ``snapshot`` are as they were before any repair. With ``repairs`` the tables hold the repaired rows:
    the snapshot's rows with exactly the edits of the journal. ``shared`` is an exported snapshot of PostgreSQL,
    and ``left_out`` the conditions of its rows that are not compared, by table.
    """
    with Source(snapshot) as source:
        expected, unknown = expected_tables(plan, source, repairs)
        verification = compare_tables(
            plan,
            source,
            expected,
            conninfo,
            schema=schema,
            verify=verify,
            progress=progress,
            shared=shared,
            left_out=left_out,
        )
    return replace(verification, tables=(*verification.tables, *map(unknown_table, unknown)))


def compare_tables(
    plan: Plan,
    source: Source,
    expected: Mapping[str, ExpectedTable],
    conninfo: str,
    *,
    schema: str,
    verify: Verify,
    progress: Callable[[Event], None],
    shared: str,
    left_out: Mapping[str, sql.Composed],
) -> Verification:
    """Compare each planned table of ``schema`` with the rows that ``expected`` has for it.

    A table without an entry there should hold the snapshot's rows.
    """
    zone, reading = (
        zoneinfo.ZoneInfo(plan.source_time_zone),
        Progress(progress, sum(table.source.rows for table in plan.tables)),
    )
    with Target(conninfo, schema, shared, left_out) as target, TextNormalizer(conninfo) as normalizer:
        verifier = TableVerifier(source, target, expected, zone, reading, normalizer)
        one = verifier.compare_counts if verify is Verify.COUNTS else verifier.compare_cells
        return Verification(verify=verify, tables=tuple(reading.table(table, one) for table in plan.tables))


def unknown_table(found: TableDifferences) -> VerifiedTable:
    """Return the differences that the journal of the repairs has for a table outside the plan."""
    return VerifiedTable(
        name=found.table,
        rows_source=0,
        rows_target=0,
        cells_compared=0,
        differences=found.differences,
        samples=tuple(found.samples),
        seconds=0,
    )


class Progress:
    """Report how many source rows of all tables were read, about once a batch."""

    def __init__(self, report: Callable[[Event], None], total: int) -> None:
        self._report = report
        self._total = total
        self._before = 0
        self._reported = 0
        self._table = ""

    def table(self, table: PlannedTable, verify_one: Callable[[PlannedTable], VerifiedTable]) -> VerifiedTable:
        """Verify one table and add its rows to those before it."""
        self._table, self._reported = table.name, -BATCH_ROWS
        verified = verify_one(table)
        logger.debug(
            "%s: %d and %d rows, %d cells, %d differences",
            table.name, verified.rows_source, verified.rows_target, verified.cells_compared, verified.differences,
        )  # fmt: skip
        self._before += table.source.rows
        self._emit(0)
        return verified

    def rows(self, done: int) -> None:
        """Report that ``done`` rows of the present table were read."""
        if done - self._reported >= BATCH_ROWS:
            self._reported = done
            self._emit(done)

    def _emit(self, done: int) -> None:
        done = min(self._before + done, self._total)
        self._report(Event(kind="progress", stage="prove", message=self._table, done=done, total=self._total))


class TableVerifier:
    """Compare one table after another."""

    def __init__(
        self,
        source: Source,
        target: Target,
        expected: Mapping[str, ExpectedTable],
        zone: zoneinfo.ZoneInfo,
        progress: Progress,
        normalizer: TextNormalizer,
    ) -> None:
        self._source = source
        self._target = target
        self._expected = expected
        self._zone = zone
        self._progress = progress
        self._normalizer = normalizer

    def compare_counts(self, table: PlannedTable) -> VerifiedTable:
        """Compare the numbers of rows alone, and count the rows that repairs quarantined."""
        started, expected = time.monotonic(), self._expected_of(table)
        return self._verified(
            table,
            expected,
            TableDifferences(table.name),
            rows_source=self._source.count(table.source.name, expected.original),
            rows_target=self._target.count(table.name),
            started=started,
        )

    def compare_cells(self, table: PlannedTable) -> VerifiedTable:
        """Compare every cell, by the quick reader of the source if it can read the table."""
        if not table.columns:
            return self.compare_counts(table)
        with contextlib.suppress(UnexpectedCellError):
            return self._compare(table, self._source.read_fast)
        return self._compare(table, self._source.read_exact)

    def _compare(self, table: PlannedTable, read: Callable[..., Generator[Rows]]) -> VerifiedTable:
        started, expected = time.monotonic(), self._expected_of(table)
        columns = columns_of(table, self._zone)
        key = [column for column in columns if column.planned in table.key]
        order = key or [column for column in columns if not column.computed] or columns
        rows = self._normalizer.rows(read(table.source.name, columns, order, expected.relation), columns)
        held = self._target.rows(table.name, columns, order)
        # Of large rows, one more on each side would cost more than the waiting. A single batch needs no thread.
        if not table.source.is_wide and table.source.rows > BATCH_ROWS:
            rows, held = prefetch(rows), prefetch(held)
        with contextlib.closing(rows) as source, contextlib.closing(held) as target:
            left, right = Stream(source), Stream(target)
            found = Comparison(table.name, columns, key).run(left, right, self._progress.rows)
        self._check_generated(table, found, right.taken)
        is_repaired = expected.relation is not expected.original
        rows_source = self._source.count(table.source.name, expected.original) if is_repaired else left.taken
        return self._verified(table, expected, found, rows_source=rows_source, rows_target=right.taken, started=started)

    def _expected_of(self, table: PlannedTable) -> ExpectedTable:
        return self._expected.get(table.name) or unrepaired(snapshot_relation(table.source))

    def _check_generated(self, table: PlannedTable, found: TableDifferences, rows: int) -> None:
        """Check that each generated column of PostgreSQL holds what its expression gives."""
        computed = [c.name for c in table.target.columns if c.generated]
        expressions = self._target.expressions(table.name) if computed else {}
        for column in computed:
            found.computed += rows
            expression = expressions[column]
            wrong = self._target.count_wrong(table.name, expression)
            if wrong:
                held = _("another value, in {rows}", rows=pluralize(wrong, "row", "rows"))
                given = _("what {expression} gives", expression=expression.expression)
                found.add("changed", {}, column, given, held)
                found.differences += wrong - 1

    def _verified(
        self,
        table: PlannedTable,
        expected: ExpectedTable,
        found: TableDifferences,
        *,
        rows_source: int,
        rows_target: int,
        started: float,
    ) -> VerifiedTable:
        """Join the differences of the journal and those of the comparison."""
        journal = expected.unexplained or TableDifferences(table.name)
        return VerifiedTable(
            name=table.name,
            rows_source=rows_source,
            rows_target=rows_target,
            cells_compared=found.cells,
            differences=found.differences + journal.differences,
            samples=tuple((journal.samples + found.samples)[:SAMPLES]),
            seconds=time.monotonic() - started,
            quarantined=expected.quarantined,
            merged=expected.merged,
            cells_changed=expected.cells_changed,
            cells_computed=found.computed,
            otherwise=found.otherwise,
            left_out=tuple(column.name for column in table.derived),
            rows_added=found.added,
            rows_removed=found.removed,
            rows_changed=found.changed,
        )
