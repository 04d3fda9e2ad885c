"""What was found in a copy, and what is accepted, in; the steps that repair it out, and what cannot be, and why."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator

from migrate_to_pg.diagnosis import NotRepaired
from migrate_to_pg.records import Finding, PlannedTable, SourceTable
from migrate_to_pg.repair.reference import Reference
from migrate_to_pg.repair.shape import read_shape
from migrate_to_pg.repair.steps import DefineColumns, MakeIndexes, NameParents, Step, drifted_columns, lost_indexes
from migrate_to_pg.rules import Subject, dangling_foreign_key, schema_drift

_DANGLING, _DRIFT = dangling_foreign_key.RULE.id, schema_drift.RULE.id


def plan_steps(
    subject: Subject, findings: Collection[Finding], accepted: Collection[str], reference: Reference
) -> Iterator[Step | NotRepaired]:
    """The steps in their order for the findings whose rule is accepted; what is asked is the copy they are about."""
    if _DANGLING in accepted:
        for table in subject.catalog.tables:
            yield from _parents(subject, table)
    if _DRIFT in accepted:
        drifted = {finding.table for finding in findings if finding.rule == _DRIFT}
        tables = [table for table in subject.plan.tables if table.name in drifted]
        for find in (_columns, _indexes):
            for planned in tables:
                yield from find(subject.database, planned, reference)


def _parents(subject: Subject, table: SourceTable) -> Iterator[Step | NotRepaired]:
    """One step for all dangling keys of a table, so that it is made anew once."""
    known = {}
    for key in table.foreign_keys:
        if subject.catalog.table(key.parent) is not None:
            continue
        intended = dangling_foreign_key.intended_parent(subject, table, key)
        if intended is not None and subject.catalog.table(intended) is not None:
            known[key.columns] = intended
        else:
            why = f"the table {intended} is missing" if intended else "the migrations make no foreign key on it"
            yield NotRepaired(rule=_DANGLING, table=table.name, column=", ".join(key.columns), reason=why)
    if known:
        yield NameParents(rule=_DANGLING, table=table.name, parents=known)


def _columns(database: sqlite3.Connection, table: PlannedTable, reference: Reference) -> Iterator[Step | NotRepaired]:
    own_name = table.source.name
    model = reference.get(own_name.lower())
    if model is None:
        yield NotRepaired(rule=_DRIFT, table=own_name, reason="Django cannot make it on SQLite")
        return
    drifted = tuple(drifted_columns(read_shape(database, own_name), model.shape))
    if drifted:
        yield DefineColumns(rule=_DRIFT, table=own_name, columns=drifted, reference=model)


def _indexes(database: sqlite3.Connection, table: PlannedTable, reference: Reference) -> Iterator[Step | NotRepaired]:
    own_name = table.source.name
    model = reference.get(own_name.lower())
    lost = tuple(lost_indexes(database, own_name, model)) if model else ()
    if lost:
        yield MakeIndexes(rule=_DRIFT, table=own_name, indexes=lost)
