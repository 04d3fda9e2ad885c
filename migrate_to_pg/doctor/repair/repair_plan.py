"""Plan the steps that repair what was found and accepted. What cannot be repaired gets its reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from migrate_to_pg.doctor.repair.reference_schema import Reference, lost_indexes
from migrate_to_pg.doctor.repair.steps import CreateIndexes, FixForeignKeys, Step
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, SourceForeignKey, SourceTable, folded
from migrate_to_pg.records.diagnosis import NotRepaired
from migrate_to_pg.rules import Subject
from migrate_to_pg.rules.keys import dangling_foreign_key
from migrate_to_pg.rules.schema import schema_drift

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

    def steps(self) -> Iterator[Step | NotRepaired]:
        """Yield the steps in their order: dangling keys, then indexes."""
        if _DANGLING in self.accepted:
            yield from self._keys()
        if _DRIFT in self.accepted:
            drifted = {finding.table for finding in self.findings if finding.rule == _DRIFT}
            for planned in self.subject.plan.tables:
                if planned.name not in drifted:
                    continue
                own_name = planned.source.name
                model = self.reference.get(own_name.lower())
                if model is None:
                    yield NotRepaired(rule=_DRIFT, table=own_name, reason=self._no_reference)
                elif lost := tuple(lost_indexes(self.subject.database, own_name, model)):
                    yield CreateIndexes(rule=_DRIFT, table=own_name, indexes=lost, reference=model)

    def _keys(self) -> Iterator[Step | NotRepaired]:
        """Yield one step for each missing table, since a rename corrects all keys that name it."""
        dangling: dict[str, list[tuple[SourceTable, SourceForeignKey]]] = {}
        for table in self.subject.catalog.tables:
            for key in table.foreign_keys:
                if self.subject.catalog.table(key.parent) is None:
                    dangling.setdefault(folded(key.parent), []).append((table, key))
        for keys in dangling.values():
            parents = {self._intended(table, key) for table, key in keys} - {""}
            why = self._why_not(parents)
            places = tuple((table.name, key.columns) for table, key in keys)
            if why:
                for table_name, columns in places:
                    yield NotRepaired(rule=_DANGLING, table=table_name, column=", ".join(columns), reason=why)
            else:
                yield FixForeignKeys(rule=_DANGLING, missing=keys[0][1].parent, parent=parents.pop(), keys=places)

    def _intended(self, table: SourceTable, key: SourceForeignKey) -> str:
        """Return the table that the migrations' foreign key on these columns names, '' for none."""
        intended = dangling_foreign_key.intended_parent(self.subject, table, key)
        model = self.reference.get(table.name.lower())
        made = {_lower(columns): parent.lower() for parent, columns, *_o in (model.shape.foreign_keys if model else ())}
        return intended if intended and made.get(_lower(key.columns)) == intended.lower() else ""

    def _why_not(self, parents: Collection[str]) -> str:
        """Return why keys that should name these tables cannot be corrected, or ''."""
        if self.complaint:
            return self._no_reference
        if not parents:
            return _("the migrations make no foreign key on it")
        if len(parents) > 1:
            return _("the migrations name several tables: {names}", names=", ".join(sorted(parents)))
        (intended,) = parents
        if self.subject.catalog.table(intended) is None:
            return _("the table {intended} is missing", intended=intended)
        return ""

    @property
    def _no_reference(self) -> str:
        """Why a table cannot be compared with the migrations' schema."""
        if not self.complaint:
            return _("the migrations do not make the table on SQLite")
        return _("the migrations do not run on SQLite, so that what they make is not known: {why}", why=self.complaint)


def _lower(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)
