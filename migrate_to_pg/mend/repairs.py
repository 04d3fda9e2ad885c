"""A finding whose repair was accepted in, edits of the working copy out.

What a repair puts in a value's place is said by the rule (``Rule.mend``); here are only the ways to the rows: by the
rule's mask over the batches that load sends, or by its conditions in SQL.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Sequence

import pyarrow.compute as pc

from migrate_to_pg.account import Fate
from migrate_to_pg.columns.reader import read
from migrate_to_pg.language import gettext as _
from migrate_to_pg.mend.working_copy import EDITS, WorkingCopy
from migrate_to_pg.records import Finding, PlannedColumn, PlannedTable, Refusal
from migrate_to_pg.rules import SetRule, Subject, ValueRule, refused_row
from migrate_to_pg.rules.rule import Mend, Offence, UnmendableError, Value
from migrate_to_pg.rules.sql import Sql, compose, name
from migrate_to_pg.sqlite import row_number

_Rule = SetRule | ValueRule


def repair(copy: WorkingCopy, subject: Subject, rule: _Rule, table: PlannedTable, finding: Finding) -> int:
    """Mend every offending cell of one finding that can be mended; returns how many were changed."""
    column = next((c for c in table.loaded_columns if c.name == finding.column), None)
    if rule.mend is None or column is None or column in table.key or column.source.generated:
        return 0
    mend = rule.mend(subject, table, column)
    if mend is None:
        return 0
    copy.propose(_edits(copy, subject, rule, table, column, mend))
    return copy.change(rule.id, table, column)


def _edits(
    copy: WorkingCopy, subject: Subject, rule: _Rule, table: PlannedTable, column: PlannedColumn, mend: Mend
) -> Iterator[tuple[int, Value]]:
    query = compose(
        "SELECT {column} FROM main.{table} WHERE {rowid} = ?",
        column=name(column.source.name),
        table=name(table.source.name),
        rowid=Sql(row_number(table.source)),
    )
    for rowid in offending(copy, subject, rule, table, (column,)):
        (value,) = copy.database.execute(query, [rowid]).fetchone()
        try:
            yield rowid, mend(value)
        except UnmendableError:
            continue


def quarantine(copy: WorkingCopy, subject: Subject, rule: _Rule, table: PlannedTable, finding: Finding) -> int:
    """Take every row of one finding out; returns how many."""
    columns = tuple(c for c in table.columns if c.name in finding.column.split(", "))
    reason = f"{_(rule.title)}: {finding.column}"
    copy.propose((row, reason) for row in offending(copy, subject, rule, table, columns))
    rows = compose("SELECT row, new AS reason, NULL AS kept FROM {edits}", edits=EDITS)
    return copy.set_aside(rule.id, table, Fate.QUARANTINED, rows)


def set_refused_aside(copy: WorkingCopy, table: PlannedTable, refusal: Refusal) -> int:
    """Take the rows out that PostgreSQL refused; returns how many."""
    reason = f"{_(refused_row.RULE.title)}: {refusal.reason}"
    copy.propose((row, reason) for row in refusal.rows)
    rows = compose("SELECT row, new AS reason, NULL AS kept FROM {edits}", edits=EDITS)
    return copy.set_aside(refused_row.RULE.id, table, Fate.QUARANTINED, rows)


def offending(
    copy: WorkingCopy, subject: Subject, rule: _Rule, table: PlannedTable, columns: Sequence[PlannedColumn]
) -> Iterable[int]:
    """The rowids of the rows that the rule finds fault with in those columns."""
    if isinstance(rule, SetRule):
        conditions = (o.where for o in offences(rule, subject, table) if same_columns(o, columns))
        return [row for where in conditions for row in _rowids(copy.database, table, where)]
    (column,) = columns
    where = rule.where(subject, table, column) if rule.where else None
    if where is not None:
        return _rowids(copy.database, table, where)
    return _marked(copy, subject, rule, table, column)


def offences(rule: SetRule, subject: Subject, table: PlannedTable) -> Iterator[Offence]:
    """What the rule finds fault with in one table."""
    return rule.offences(subject, table) if rule.offences else iter(())


def same_columns(offence: Offence, columns: Sequence[PlannedColumn]) -> bool:
    """Whether an offence concerns exactly these columns."""
    return {c.name for c in offence.columns} == {c.name for c in columns}


def _rowids(database: sqlite3.Connection, table: PlannedTable, where: Sql) -> list[int]:
    sql = compose(
        "SELECT {rowid} FROM main.{table} WHERE {where} ORDER BY 1",
        rowid=Sql(row_number(table.source)),
        table=name(table.source.name),
        where=where,
    )
    return [row for (row,) in database.execute(sql)]


def _marked(
    copy: WorkingCopy, subject: Subject, rule: ValueRule, table: PlannedTable, column: PlannedColumn
) -> array[int]:
    """The rows that the rule's mask marks: all of them, where a finding shows five."""
    found = array("q")
    one = dataclasses.replace(table, columns=(column,))
    for batch in read(one, copy.path, time_zone=subject.plan.source_time_zone):
        mask = rule.mask(batch.columns[0])
        if mask is not None and batch.rowids is not None:
            found.extend(pc.filter(batch.rowids, mask).to_pylist())
    return found
