"""A diagnosed copy and the accepted repairs of rows in; out: a working copy with them made, and the edits, to replay.

They are the repairs of ``migrate_to_pg --fix``, made by the very same code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from migrate_to_pg.doctor.examine import stage
from migrate_to_pg.doctor.repair.edits import Edits, fold
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.records import Event, Finding, Plan, PlannedTable, SourceCatalog
from migrate_to_pg.records.diagnosis import NotRepaired, Repaired
from migrate_to_pg.records.repairs import ChangedCells, RepairResult
from migrate_to_pg.row_repair.engine import Accepted, is_called_for, repair_rows
from migrate_to_pg.system.workdir import WorkDirectory

Progress = Callable[[Event], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairedRows:
    """What the accepted repairs of rows come to."""

    #: SQLite databases: the rows as they are to be, and the edits.
    working: Path
    journal: Path
    mended: RepairResult
    #: The tables that are edited, by SQLite's name, with their edits.
    edits: tuple[tuple[PlannedTable, Edits], ...]
    #: As they are afterwards: those that were mended are applied.
    findings: tuple[Finding, ...]

    def changes(self, table: str, column: str) -> Iterator[ChangedCells]:
        """Which rules changed a column, by PostgreSQL's names."""
        return (cells for cells in self.mended.changed if (cells.table, cells.column) == (table, column))

    def repaired(self) -> Iterator[Repaired]:
        """What was done, in words, by SQLite's names of the tables."""
        own = {table.name: table.source.name for table, __ in self.edits}
        for cells in self.mended.changed:
            changed = pluralize(cells.count, "value", "values")
            what = _(
                "{changed} of {column} changed; the old ones are in the backup", changed=changed, column=cells.column
            )
            yield Repaired(rule=cells.rule, table=own.get(cells.table, cells.table), what=what)
        for rows in self.mended.aside:
            what = _(
                "{rows} merged into those that stay; the backup has them as they were",
                rows=pluralize(rows.count, "row", "rows"),
            )
            yield Repaired(rule=rows.rule, table=own.get(rows.table, rows.table), what=what)

    def remaining(self, rules: frozenset[str], spared: Collection[str]) -> Iterator[NotRepaired]:
        """Whatever of those rules' findings is left, but for the tables that were left as they are."""
        for finding in self.findings:
            if finding.rule in rules and not finding.applied and finding.table not in spared:
                left = pluralize(finding.count, "row is left", "rows are left")
                reason = _("{left} for which the repair has nothing certain to put there", left=left)
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
    """Make the repairs on a copy, but for the tables to be spared; None where nothing calls for them."""
    accepted = Accepted(fix=rules, spared=frozenset(spared))
    if not is_called_for(findings, accepted):
        return None
    working, journal = place.working_copy, place.unfinished_journal
    with stage(progress, "trial"):
        mended, __, outcome = repair_rows(
            plan, catalog, snapshot, findings, accepted=accepted, working=working, journal=journal, progress=progress
        )
        edited = fold(journal)
    tables = [(table, edited[table.name]) for table in plan.tables if table.name in edited]
    return RepairedRows(
        working=working,
        journal=journal,
        mended=mended,
        edits=tuple((table, _edits(table, columns)) for table, columns in tables),
        findings=outcome,
    )


def _edits(table: PlannedTable, columns: set[str]) -> Edits:
    return Edits(table=table.name, columns={c.source.name: c.name for c in table.columns if c.name in columns})
