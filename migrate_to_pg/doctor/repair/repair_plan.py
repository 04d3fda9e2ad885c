"""What was found in a copy, and what is accepted, in; the steps that repair it out, and what cannot be, and why."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace

from migrate_to_pg.doctor.repair.drift import drifted_columns, lost_indexes, reason_not_redefinable
from migrate_to_pg.doctor.repair.fits_schema import keeps
from migrate_to_pg.doctor.repair.reference_schema import Reference, ReferenceTable
from migrate_to_pg.doctor.repair.replace_rows import RepairedRows
from migrate_to_pg.doctor.repair.steps import DefineColumns, EditRows, MakeIndexes, NameParents, Step
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, PlannedTable, SourceForeignKey, SourceTable
from migrate_to_pg.records.diagnosis import NotRepaired
from migrate_to_pg.rules import Subject
from migrate_to_pg.rules.keys import dangling_foreign_key
from migrate_to_pg.rules.schema import schema_drift
from migrate_to_pg.sqlite.ddl import read_definition

_DANGLING, _DRIFT = dangling_foreign_key.RULE.id, schema_drift.RULE.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """What is known when the steps are decided on."""

    #: The copy as it was found.
    subject: Subject
    findings: Collection[Finding]
    accepted: Collection[str]
    reference: Reference
    #: Why it is not known what the migrations make on SQLite; '' where it is.
    complaint: str
    #: The rows as they are to be, and where to ask for them; without edits that is the copy itself.
    mended: RepairedRows | None
    rows: sqlite3.Connection
    #: Columns, by SQLite's names, that have to be defined as the migrations do, or the edits would not hold.
    required: dict[str, list[str]] = field(default_factory=dict)

    def unfit(self) -> Iterator[NotRepaired]:
        """The repairs of rows whose values the table, as it is declared, would convert back.

        Where the column can be defined as the migrations do that is remembered; the others are not to be made.
        """
        for table, edits in self.mended.edits if self.mended else ():
            for own_name, column in edits.columns.items():
                why = self._unfit(table, own_name)
                for cells in self.mended.changes(table.name, column) if self.mended and why else ():
                    yield NotRepaired(rule=cells.rule, table=table.source.name, column=column, reason=why)

    def _unfit(self, table: PlannedTable, column: str) -> str:
        declared = next(c.declared_type for c in table.source.columns if c.name == column)
        if keeps(self.rows, table.source.name, column, declared):
            return ""
        self.required.setdefault(table.source.name, []).append(column)
        why = self._obstacle(table, column)
        return (
            _("its declared type {declared} would convert the new values back, and {why}", declared=declared, why=why)
            if why
            else ""
        )

    def _obstacle(self, table: PlannedTable, column: str) -> str:
        model = self.reference.get(table.source.name.lower())
        if model is None:
            return self._unmade
        return reason_not_redefinable(self.rows, table.source.sql, table.source.name, column, model)

    @property
    def _unmade(self) -> str:
        """Why a table cannot be compared with what the migrations make."""
        if not self.complaint:
            return _("the migrations do not make the table on SQLite")
        return _("the migrations do not run on SQLite, so that what they make is not known: {why}", why=self.complaint)

    def steps(self) -> Iterator[Step | NotRepaired]:
        """The steps in their order: keys that dangle, rows with the columns that they need, columns, indexes."""
        if _DANGLING in self.accepted:
            for table in self.subject.catalog.tables:
                yield from self._parents(table)
        definitions = []
        for planned in self._tables():
            for found in self._columns(planned):
                if isinstance(found, DefineColumns):
                    definitions.append(found)
                else:
                    yield found
        yield from self._with_rows(definitions)
        if _DRIFT in self.accepted:
            for planned in self._tables():
                yield from self._indexes(planned)

    def _tables(self) -> list[PlannedTable]:
        """Those whose definition may change: they are known to have drifted, or their rows are no longer in the way."""
        edited = {table.name for table, _ in self.mended.edits} if self.mended else set()
        tables = (self._drifted if _DRIFT in self.accepted else set()) | edited
        return [table for table in self.subject.plan.tables if table.name in tables]

    @property
    def _drifted(self) -> set[str]:
        return {finding.table for finding in self.findings if finding.rule == _DRIFT}

    def _columns(self, table: PlannedTable) -> Iterator[DefineColumns | NotRepaired]:
        own_name = table.source.name
        model = self.reference.get(own_name.lower())
        if model is None:
            if _DRIFT in self.accepted:
                yield NotRepaired(rule=_DRIFT, table=own_name, reason=self._unmade)
            return
        drifted = self._accepted_columns(table, model) if _DRIFT in self.accepted else []
        wanted = [*drifted, *(c for c in self.required.get(own_name, ()) if c not in drifted)]
        why = {column: self._obstacle(table, column) for column in wanted}
        for column in filter(why.get, wanted):
            yield NotRepaired(rule=_DRIFT, table=own_name, column=column, reason=why[column])
        columns = tuple(column for column in wanted if not why[column])
        if columns:
            yield DefineColumns(rule=_DRIFT, table=own_name, columns=columns, reference=model)

    def _accepted_columns(self, table: PlannedTable, model: ReferenceTable) -> list[str]:
        """What drifted; where that was not found, wrong values may have hidden it, in the columns that are edited."""
        found = drifted_columns(read_definition(self.subject.database, table.source.name), model.shape)
        edited = {c for t, edits in self.mended.edits if t == table for c in edits.columns} if self.mended else set()
        return [column for column in found if table.name in self._drifted or column in edited]

    def _with_rows(self, definitions: list[DefineColumns]) -> Iterator[Step]:
        """The edited rows in one step, with the definitions of their tables; then each other definition."""
        edits = {table.source.name: edits for table, edits in self.mended.edits} if self.mended else {}
        if self.mended and edits:
            together = tuple(definition for definition in definitions if definition.table in edits)
            needed = tuple(self._needed(together))
            done = tuple(self.mended.repaired())
            yield EditRows(done=done, edits=edits, definitions=together, needed=needed)
        yield from (definition for definition in definitions if definition.table not in edits)

    def _needed(self, definitions: Collection[DefineColumns]) -> Iterator[DefineColumns]:
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
            yield MakeIndexes(rule=_DRIFT, table=own_name, indexes=lost, reference=model)

    def _parents(self, table: SourceTable) -> Iterator[Step | NotRepaired]:
        """One step for all dangling keys of a table, so that it is made anew once."""
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
            yield NameParents(rule=_DANGLING, table=table.name, parents=known)

    def _why_not(self, table: SourceTable, key: SourceForeignKey, intended: str | None) -> str:
        if self.complaint:
            return self._unmade
        model = self.reference.get(table.name.lower())
        made = {_lower(columns): parent.lower() for parent, columns, *_o in (model.shape.foreign_keys if model else ())}
        if intended is None or made.get(_lower(key.columns)) != intended.lower():
            return _("the migrations make no foreign key on it")
        if self.subject.catalog.table(intended) is None:
            return _("the table {intended} is missing", intended=intended)
        return ""


def _lower(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)
