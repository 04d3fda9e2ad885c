"""Plan the steps that repair what was found and accepted, and again where a table has to be skipped.

What cannot be repaired gets its reason.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from migrate_to_pg.doctor.repair.choose_repairs import ROW_REPAIRS
from migrate_to_pg.doctor.repair.edits import RepairedRows, repaired_rows
from migrate_to_pg.doctor.repair.reference_schema import (
    Reference,
    drifted_columns,
    fits_type,
    lost_indexes,
    make_reference,
    reason_not_redefinable,
)
from migrate_to_pg.doctor.repair.steps import (
    CreateIndexes,
    FixForeignKeys,
    RedefineColumns,
    ReplaceRows,
    RowsError,
    Step,
)
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.planning.scratch_schema import SqliteSchema
from migrate_to_pg.project.registry import Registry
from migrate_to_pg.project.source_database import SourceChoice
from migrate_to_pg.records import (
    Finding,
    Plan,
    PlannedTable,
    Progress,
    SourceCatalog,
    SourceForeignKey,
    SourceTable,
)
from migrate_to_pg.records.diagnosis import NotRepaired
from migrate_to_pg.rules import Subject, samples
from migrate_to_pg.rules.keys import dangling_foreign_key
from migrate_to_pg.rules.schema import schema_drift
from migrate_to_pg.sqlite.ddl import read_definition
from migrate_to_pg.system.workdir import WorkDirectory

_DANGLING, _DRIFT = dangling_foreign_key.RULE.id, schema_drift.RULE.id


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairPlan:
    """The facts that decide on the steps."""

    #: The unrepaired copy.
    subject: Subject
    findings: Collection[Finding]
    accepted: Collection[str]
    reference: Reference
    #: Why the schema of the migrations on SQLite is unknown, or ''.
    complaint: str
    #: The repaired rows, and a connection to them: to the copy itself where nothing is edited.
    repaired_rows: RepairedRows | None
    rows: sqlite3.Connection
    #: Table -> columns, by SQLite's names, that need the migrations' definition, or the edits would not persist.
    required: dict[str, list[str]] = field(default_factory=dict)

    def rejected_edits(self) -> Iterator[NotRepaired]:
        """Yield the repairs of rows whose values the table, as it is declared, would convert back.

        Columns that can be defined as the migrations do are noted in ``required`` instead.
        """
        for table, edits in self.repaired_rows.edits if self.repaired_rows else ():
            for own_name, column in edits.columns.items():
                declared = next(c.declared_type for c in table.source.columns if c.name == own_name)
                if fits_type(self.rows, table.source.name, own_name, declared):
                    continue
                self.required.setdefault(table.source.name, []).append(own_name)
                why = self._why_not_redefinable(table, own_name)
                for cells in self.repaired_rows.changes(table.name, column) if self.repaired_rows and why else ():
                    reason = _(
                        "its declared type {declared} would convert the new values back, and {why}",
                        declared=declared,
                        why=why,
                    )
                    yield NotRepaired(rule=cells.rule, table=table.source.name, column=column, reason=reason)

    def _why_not_redefinable(self, table: PlannedTable, column: str) -> str:
        model = self.reference.get(table.source.name.lower())
        if model is None:
            return self._no_reference
        return reason_not_redefinable(self.rows, table.source.sql, table.source.name, column, model)

    @property
    def _no_reference(self) -> str:
        """Why a table cannot be compared with the migrations' schema."""
        if not self.complaint:
            return _("the migrations do not make the table on SQLite")
        return _("the migrations do not run on SQLite, so that what they make is not known: {why}", why=self.complaint)

    def steps(self) -> Iterator[Step | NotRepaired]:
        """Yield the steps in their order: dangling keys, rows with the columns that they need, columns, indexes."""
        if _DANGLING in self.accepted:
            for table in self.subject.catalog.tables:
                yield from self._parents(table)
        definitions = []
        for planned in self._tables():
            for found in self._columns(planned):
                if isinstance(found, RedefineColumns):
                    definitions.append(found)
                else:
                    yield found
        yield from self._with_rows(definitions)
        if _DRIFT in self.accepted:
            for planned in self._tables():
                own_name = planned.source.name
                model = self.reference.get(own_name.lower())
                lost = tuple(lost_indexes(self.subject.database, own_name, model)) if model else ()
                if model and lost:
                    yield CreateIndexes(rule=_DRIFT, table=own_name, indexes=lost, reference=model)

    def _tables(self) -> list[PlannedTable]:
        """Return the tables whose definition may change: known to have drifted, or with edited rows."""
        edited = {table.name for table, _ in self.repaired_rows.edits} if self.repaired_rows else set()
        tables = (self._drifted if _DRIFT in self.accepted else set()) | edited
        return [table for table in self.subject.plan.tables if table.name in tables]

    @property
    def _drifted(self) -> set[str]:
        return {finding.table for finding in self.findings if finding.rule == _DRIFT}

    def _columns(self, table: PlannedTable) -> Iterator[RedefineColumns | NotRepaired]:
        own_name = table.source.name
        model = self.reference.get(own_name.lower())
        if model is None:
            if _DRIFT in self.accepted:
                yield NotRepaired(rule=_DRIFT, table=own_name, reason=self._no_reference)
            return
        drifted = []
        if _DRIFT in self.accepted:
            # Where wrong values may have hidden the drift, only edited columns count.
            found = drifted_columns(read_definition(self.subject.database, own_name), model.shape)
            edits = self.repaired_rows.edits if self.repaired_rows else ()
            edited = {column for owner, changed in edits if owner == table for column in changed.columns}
            drifted = [column for column in found if table.name in self._drifted or column in edited]
        wanted = [*drifted, *(c for c in self.required.get(own_name, ()) if c not in drifted)]
        why = {column: self._why_not_redefinable(table, column) for column in wanted}
        for column in filter(why.get, wanted):
            yield NotRepaired(rule=_DRIFT, table=own_name, column=column, reason=why[column])
        columns = tuple(column for column in wanted if not why[column])
        if columns:
            yield RedefineColumns(rule=_DRIFT, table=own_name, columns=columns, reference=model)

    def _with_rows(self, definitions: list[RedefineColumns]) -> Iterator[Step]:
        """Yield the edited rows in one step, with the definitions of their tables, then each other definition."""
        edits = {table.source.name: edits for table, edits in self.repaired_rows.edits} if self.repaired_rows else {}
        if self.repaired_rows and edits:
            own_definitions = tuple(definition for definition in definitions if definition.table in edits)
            needed = []
            for definition in own_definitions:
                required = self.required.get(definition.table, ())
                if columns := tuple(column for column in definition.columns if column in required):
                    needed.append(replace(definition, columns=columns))
            done = tuple(self.repaired_rows.repaired())
            yield ReplaceRows(done=done, edits=edits, definitions=own_definitions, needed=tuple(needed))
        yield from (definition for definition in definitions if definition.table not in edits)

    def _parents(self, table: SourceTable) -> Iterator[Step | NotRepaired]:
        """Yield one step for all dangling keys of a table, so that it is rebuilt once."""
        known = {}
        for key in table.foreign_keys:
            if self.subject.catalog.table(key.parent) is not None:
                continue
            intended = dangling_foreign_key.intended_parent(self.subject, table, key)
            why = self._why_not(table, key, intended)
            if intended is None or why:
                yield NotRepaired(rule=_DANGLING, table=table.name, column=", ".join(key.columns), reason=why)
            else:
                known[key.columns] = intended
        if known:
            yield FixForeignKeys(rule=_DANGLING, table=table.name, parents=known)

    def _why_not(self, table: SourceTable, key: SourceForeignKey, intended: str | None) -> str:
        if self.complaint:
            return self._no_reference
        model = self.reference.get(table.name.lower())
        made = {_lower(columns): parent.lower() for parent, columns, *_o in (model.shape.foreign_keys if model else ())}
        if intended is None or made.get(_lower(key.columns)) != intended.lower():
            return _("the migrations make no foreign key on it")
        if self.subject.catalog.table(intended) is None:
            return _("the table {intended} is missing", intended=intended)
        return ""


def _lower(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)


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
                rules=rules, skipped=self._skipped.keys(), place=self._place, progress=self._progress,
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
