"""Decide on the steps of a repair, and again where a table has to be skipped."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from migrate_to_pg.doctor.repair.choose_repairs import ROW_REPAIRS
from migrate_to_pg.doctor.repair.reference_schema import make_reference
from migrate_to_pg.doctor.repair.repair_plan import RepairPlan
from migrate_to_pg.doctor.repair.replace_rows import RepairedRows, repaired_rows
from migrate_to_pg.doctor.repair.steps import ReplaceRows, RowsError, Step
from migrate_to_pg.planning.scratch_schema import SqliteSchema
from migrate_to_pg.project.databases import SourceChoice
from migrate_to_pg.project.registry import Registry
from migrate_to_pg.records import Event, Finding, Plan, SourceCatalog
from migrate_to_pg.records.diagnosis import NotRepaired
from migrate_to_pg.rules import Subject, samples
from migrate_to_pg.system.workdir import WorkDirectory

Progress = Callable[[Event], None]

#: Each skipped table takes another examination.
_MAX_SKIPPED_TABLES = 10


class Decision:
    """The decision on one database, from its copy in the workplace."""

    def __init__(
        self,
        choice: SourceChoice,
        place: WorkDirectory,
        findings: Collection[Finding],
        plan: Plan,
        catalog: SourceCatalog,
        schema: SqliteSchema,
        *,
        accepted: Collection[str],
        backup: Path,
        progress: Progress,
    ) -> None:
        self._choice = choice
        self._place = place
        self._findings = findings
        self._plan = plan
        self._catalog = catalog
        self._accepted = frozenset(accepted)
        self._backup = backup
        self._progress = progress
        self._schema = schema
        self._reference = make_reference(schema, Registry(catalog.applied_migrations, choice.alias))
        self._refused: list[NotRepaired] = []
        #: PostgreSQL's name of a table whose repaired rows cannot be put back -> its unmade repairs.
        self._skipped: dict[str, tuple[NotRepaired, ...]] = {}
        #: The repaired rows.
        self.repaired_rows: RepairedRows | None = None

    def steps(self) -> tuple[list[Step], list[NotRepaired]]:
        """Return the steps, and the repairs that are refused."""
        self._refused = [refused for repairs in self._skipped.values() for refused in repairs]
        steps: list[Step] = []
        for step in self._decide():
            (self._refused if isinstance(step, NotRepaired) else steps).append(step)  # type: ignore[arg-type]
        return steps, self._refused

    def _decide(self) -> list[Step | NotRepaired]:
        """Return the steps. A repair of rows that would not persist is left out, and the others are made without it."""
        rules = self._accepted & set(ROW_REPAIRS)
        while True:
            self.repaired_rows = repaired_rows(
                self._plan, self._catalog, self._backup, tuple(self._findings),
                rules=rules, spared=self._skipped.keys(), place=self._place, progress=self._progress,
            )  # fmt: skip
            copy = self._place.unfinished
            repaired = self.repaired_rows.working if self.repaired_rows else copy
            with self._open(copy) as found, self._open(repaired) as rows:
                plan = RepairPlan(
                    subject=Subject(plan=self._plan, catalog=self._catalog, database=found),
                    findings=self._findings,
                    accepted=self._accepted,
                    reference=self._reference,
                    complaint=self._schema.complaint,
                    repaired_rows=self.repaired_rows,
                    rows=rows,
                )
                rejected = list(plan.rejected_edits())
                if not rejected:
                    return [
                        *plan.steps(),
                        *(self.repaired_rows.remaining(rules, self._skipped) if self.repaired_rows else ()),
                    ]
            self._refused += rejected
            rules -= {left.rule for left in rejected}

    def _open(self, path: Path) -> AbstractContextManager[sqlite3.Connection]:
        return samples.connect(path, time_zone=self._choice.time_zone)

    def skip_table(self, steps: Collection[Step], error: RowsError) -> None:
        """Leave the rows of that table unchanged from now on, for the reason of the error."""
        table = next(step.edits[error.table].table for step in steps if isinstance(step, ReplaceRows))
        rules = dict.fromkeys(finding.rule for finding in self._findings_of_table(table))
        refused = (NotRepaired(rule=rule, table=error.table, reason=str(error)) for rule in rules)
        self._skipped[table] = tuple(refused)

    def can_skip(self, step: ReplaceRows, table: str) -> bool:
        """Report whether skipping the table would help the others, and end: each time it is another table."""
        others = len(step.edits) > 1 and len(self._skipped) < _MAX_SKIPPED_TABLES
        return others and table not in self._skipped and any(self._findings_of_table(table))

    def _findings_of_table(self, table: str) -> Iterator[Finding]:
        rules = self._accepted & set(ROW_REPAIRS)
        return (finding for finding in self._findings if finding.table == table and finding.rule in rules)
