"""Plan the steps that repair what was found and accepted, and give reasons for what cannot be repaired."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace

from migrate_to_pg.doctor.repair.drift import drifted_columns, fits_type, lost_indexes, reason_not_redefinable
from migrate_to_pg.doctor.repair.reference_schema import Reference, ReferenceTable
from migrate_to_pg.doctor.repair.replace_rows import RepairedRows
from migrate_to_pg.doctor.repair.steps import CreateIndexes, FixForeignKeys, RedefineColumns, ReplaceRows, Step
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, PlannedTable, SourceForeignKey, SourceTable
from migrate_to_pg.records.diagnosis import NotRepaired
from migrate_to_pg.rules import Subject
from migrate_to_pg.rules.keys import dangling_foreign_key
from migrate_to_pg.rules.schema import schema_drift
from migrate_to_pg.sqlite.ddl import read_definition

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
                why = self._rejection(table, own_name)
                for cells in self.repaired_rows.changes(table.name, column) if self.repaired_rows and why else ():
                    yield NotRepaired(rule=cells.rule, table=table.source.name, column=column, reason=why)

    def _rejection(self, table: PlannedTable, column: str) -> str:
        declared = next(c.declared_type for c in table.source.columns if c.name == column)
        if fits_type(self.rows, table.source.name, column, declared):
            return ""
        self.required.setdefault(table.source.name, []).append(column)
        why = self._why_not_redefinable(table, column)
        return (
            _("its declared type {declared} would convert the new values back, and {why}", declared=declared, why=why)
            if why
            else ""
        )

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
                yield from self._indexes(planned)

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
        drifted = self._accepted_columns(table, model) if _DRIFT in self.accepted else []
        wanted = [*drifted, *(c for c in self.required.get(own_name, ()) if c not in drifted)]
        why = {column: self._why_not_redefinable(table, column) for column in wanted}
        for column in filter(why.get, wanted):
            yield NotRepaired(rule=_DRIFT, table=own_name, column=column, reason=why[column])
        columns = tuple(column for column in wanted if not why[column])
        if columns:
            yield RedefineColumns(rule=_DRIFT, table=own_name, columns=columns, reference=model)

    def _accepted_columns(self, table: PlannedTable, model: ReferenceTable) -> list[str]:
        """Return the drifted columns. Where wrong values may have hidden the drift, only edited columns count."""
        found = drifted_columns(read_definition(self.subject.database, table.source.name), model.shape)
        edited = (
            {c for t, edits in self.repaired_rows.edits if t == table for c in edits.columns}
            if self.repaired_rows
            else set()
        )
        return [column for column in found if table.name in self._drifted or column in edited]

    def _with_rows(self, definitions: list[RedefineColumns]) -> Iterator[Step]:
        """Yield the edited rows in one step, with the definitions of their tables, then each other definition."""
        edits = {table.source.name: edits for table, edits in self.repaired_rows.edits} if self.repaired_rows else {}
        if self.repaired_rows and edits:
            own_definitions = tuple(definition for definition in definitions if definition.table in edits)
            needed = tuple(self._needed(own_definitions))
            done = tuple(self.repaired_rows.repaired())
            yield ReplaceRows(done=done, edits=edits, definitions=own_definitions, needed=needed)
        yield from (definition for definition in definitions if definition.table not in edits)

    def _needed(self, definitions: Collection[RedefineColumns]) -> Iterator[RedefineColumns]:
        for definition in definitions:
            required = self.required.get(definition.table, ())
            columns = tuple(column for column in definition.columns if column in required)
            if columns:
                yield replace(definition, columns=columns)

    def _indexes(self, table: PlannedTable) -> Iterator[Step]:
        own_name = table.source.name
        model = self.reference.get(own_name.lower())
        lost = tuple(lost_indexes(self.subject.database, own_name, model)) if model else ()
        if model and lost:
            yield CreateIndexes(rule=_DRIFT, table=own_name, indexes=lost, reference=model)

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
