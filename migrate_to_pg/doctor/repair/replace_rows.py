"""Repair rows on a working copy, and collect the edits to replay in the database.

The repairs are those of ``migrate_to_pg --fix``, made by the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from migrate_to_pg.doctor.examine import stage
from migrate_to_pg.doctor.repair.edits import TableEdits, net_edits
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.records import Event, Finding, Plan, PlannedTable, SourceCatalog
from migrate_to_pg.records.diagnosis import NotRepaired, Repaired
from migrate_to_pg.records.repairs import ChangedCells, RepairResult
from migrate_to_pg.row_repair.engine import Accepted, needs_repair, repair_rows
from migrate_to_pg.system.workdir import WorkDirectory

Progress = Callable[[Event], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairedRows:
    """The result of the accepted repairs of rows."""

    #: SQLite databases with the repaired rows and the edits.
    working: Path
    journal: Path
    result: RepairResult
    #: The tables that are edited, by SQLite's name, with their edits.
    edits: tuple[tuple[PlannedTable, TableEdits], ...]
    #: Findings afterwards: repaired ones are marked as applied.
    findings: tuple[Finding, ...]

    def changes(self, table: str, column: str) -> Iterator[ChangedCells]:
        """Return the changes of a column, by PostgreSQL's names."""
        return (cells for cells in self.result.changed if (cells.table, cells.column) == (table, column))

    def repaired(self) -> Iterator[Repaired]:
        """Describe the repairs by SQLite's names of the tables."""
        own = {table.name: table.source.name for table, __ in self.edits}
        for cells in self.result.changed:
            changed = pluralize(cells.count, "value", "values")
            what = _(
                "{changed} of {column} changed; the old ones are in the backup", changed=changed, column=cells.column
            )
            yield Repaired(rule=cells.rule, table=own.get(cells.table, cells.table), what=what)
        for rows in self.result.removed:
            what = _(
                "{rows} merged into those that stay; the backup has them as they were",
                rows=pluralize(rows.count, "row", "rows"),
            )
            yield Repaired(rule=rows.rule, table=own.get(rows.table, rows.table), what=what)

    def remaining(self, rules: frozenset[str], skipped: Collection[str]) -> Iterator[NotRepaired]:
        """Yield what is left of those rules' findings, except in skipped tables."""
        for finding in self.findings:
            if finding.rule in rules and not finding.applied and finding.table not in skipped:
                rows = pluralize(finding.count, "row", "rows")
                reason = _("{rows} without an unambiguous value, to be corrected by hand", rows=rows)
                yield NotRepaired(rule=finding.rule, table=finding.table, column=finding.column, reason=reason)


def repaired_rows(
    plan: Plan,
    catalog: SourceCatalog,
    snapshot: Path,
    findings: tuple[Finding, ...],
    *,
    rules: frozenset[str],
    spared: Collection[str],
    place: WorkDirectory,
    progress: Progress,
) -> RepairedRows | None:
    """Make the repairs on a copy, except in the tables ``spared``. Return None where nothing needs them."""
    accepted = Accepted(fix=rules, skipped_tables=frozenset(spared))
    if not needs_repair(findings, accepted):
        return None
    working, journal = place.working_copy, place.unfinished_journal
    with stage(progress, "trial"):
        result, __, remaining = repair_rows(
            plan, catalog, snapshot, findings, accepted=accepted, working=working, journal=journal, progress=progress
        )
        edited = net_edits(journal)
    tables = [(table, edited[table.name]) for table in plan.tables if table.name in edited]
    return RepairedRows(
        working=working,
        journal=journal,
        result=result,
        edits=tuple(
            (
                table,
                TableEdits(table=table.name, columns={c.source.name: c.name for c in table.columns if c.name in names}),
            )
            for table, names in tables
        ),
        findings=remaining,
    )
