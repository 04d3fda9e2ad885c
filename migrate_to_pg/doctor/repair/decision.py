"""What was found in a copy, and what is accepted, in; the steps out, decided again where a table is to be spared."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from migrate_to_pg.doctor.repair.reference_schema import make_reference
from migrate_to_pg.doctor.repair.repair_plan import Planning
from migrate_to_pg.doctor.repair.repairable import ROW_REPAIRS
from migrate_to_pg.doctor.repair.replace_rows import RepairedRows, repaired_rows
from migrate_to_pg.doctor.repair.steps import EditRows, RowsError, Step
from migrate_to_pg.planning.scratch_schema import SqliteSchema
from migrate_to_pg.project.databases import SourceChoice
from migrate_to_pg.project.registry import Registry
from migrate_to_pg.records import Event, Finding, Plan, SourceCatalog
from migrate_to_pg.records.diagnosis import NotRepaired
from migrate_to_pg.rules import Subject, samples
from migrate_to_pg.system.workdir import WorkDirectory

Progress = Callable[[Event], None]

#: How many tables may be left as they are before all is given up: each takes another examination.
_SPARED = 10


class Decision:
    """What is to be done to one database, as its copy in the workplace shows it."""

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
        #: The tables, by PostgreSQL's names, whose rows cannot be put back mended, and what is told of them.
        self._spared: dict[str, tuple[NotRepaired, ...]] = {}
        #: The rows as they are to be.
        self.mended: RepairedRows | None = None

    def steps(self) -> tuple[list[Step], list[NotRepaired]]:
        """The steps, and what is refused."""
        self._refused = [told for left in self._spared.values() for told in left]
        steps: list[Step] = []
        for step in self._decide():
            (self._refused if isinstance(step, NotRepaired) else steps).append(step)  # type: ignore[arg-type]
        return steps, self._refused

    def _decide(self) -> list[Step | NotRepaired]:
        """The steps. A repair of rows that would not hold is left out, and the others are made without it."""
        rules = self._accepted & set(ROW_REPAIRS)
        while True:
            self.mended = self._repair_rows(rules)
            with self._opened(self._place.unfinished) as found, self._opened(self._repaired_copy) as mended:
                planning = Planning(
                    subject=Subject(plan=self._plan, catalog=self._catalog, database=found),
                    findings=self._findings,
                    accepted=self._accepted,
                    reference=self._reference,
                    complaint=self._schema.complaint,
                    mended=self.mended,
                    rows=mended,
                )
                unfit = list(planning.unfit())
                if not unfit:
                    return [*planning.steps(), *(self.mended.remaining(rules, self._spared) if self.mended else ())]
            self._refused += unfit
            rules -= {left.rule for left in unfit}

    def _repair_rows(self, rules: frozenset[str]) -> RepairedRows | None:
        return repaired_rows(
            self._plan, self._catalog, self._backup, tuple(self._findings),
            rules=rules, spared=self._spared.keys(), place=self._place, progress=self._progress,
        )  # fmt: skip

    @property
    def _repaired_copy(self) -> Path:
        return self.mended.working if self.mended else self._place.unfinished

    def _opened(self, path: Path) -> AbstractContextManager[sqlite3.Connection]:
        return samples.opened(path, time_zone=self._choice.time_zone)

    def skip_table(self, steps: Collection[Step], stuck: RowsError) -> None:
        """Leave the rows of that table as they are from now on, and tell why."""
        table = next(step.edits[stuck.table].table for step in steps if isinstance(step, EditRows))
        rules = dict.fromkeys(finding.rule for finding in self._own_findings(table))
        told = (NotRepaired(rule=rule, table=stuck.table, reason=str(stuck)) for rule in rules)
        self._spared[table] = tuple(told)

    def can_skip(self, step: EditRows, table: str) -> bool:
        """Whether it would help the others, and ends: each time another table."""
        others = len(step.edits) > 1 and len(self._spared) < _SPARED
        return others and table not in self._spared and any(self._own_findings(table))

    def _own_findings(self, table: str) -> Iterator[Finding]:
        rules = self._accepted & set(ROW_REPAIRS)
        return (finding for finding in self._findings if finding.table == table and finding.rule in rules)
