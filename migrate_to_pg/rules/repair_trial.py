"""Try a rule's repair on the values in which the rule finds faults, without writing anything.

Rows that share a unique key can be merged where every row that refers to a removed row can follow it to the row that is
kept. This is checked before a merge is offered, and again when it is made.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from migrate_to_pg.records import Finding, PlannedColumn, PlannedTable, TargetForeignKey
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import Offence, Rule, SetRule, Subject, UnrepairableError, Value
from migrate_to_pg.rules.keys import differing_duplicates, duplicate_key
from migrate_to_pg.rules.samples import can_be_edited, numbered, rowid_of
from migrate_to_pg.rules.sql_keys import key_of
from migrate_to_pg.sqlite.sql import Sql, compose, name


def with_trial(subject: Subject, rule: Rule, finding: Finding, rowids: Sequence[int] | None = None) -> Finding:
    """Return the finding with the number of rows that its repair really repairs.

    Where that is none, the finding offers no repair. ``rowids`` are its rows, where they are known.
    """
    table = subject.plan.table(finding.table)
    if not finding.repair:
        return finding
    if rule.id == duplicate_key.RULE.id:
        count = mergeable(subject, table, finding.column) if table else 0
        finding = _with_merge(subject, table, finding) if table and count else finding
    elif rule.cell_repair is None:
        # It is made for the whole table or column at once.
        count = finding.count
    elif table is None or not samples.can_be_edited(table):
        count = 0
    else:
        columns = [c for c in table.columns if c.name in finding.column.split(", ")]
        found = rowids or ()
        if rowids is None and isinstance(rule, SetRule):
            found = offending(subject, rule, table, columns)
        count = sum(1 for _ in repaired(subject, rule, table, finding.column, found))
    return dataclasses.replace(finding, repairable=count, repair=finding.repair if count else "")


def repaired(
    subject: Subject, rule: Rule, table: PlannedTable, column: str, rowids: Sequence[int]
) -> Iterator[tuple[int, Value]]:
    """Yield the rows whose value can be repaired, each with its new value. ``column`` is PostgreSQL's name."""
    found = next((c for c in table.loaded_columns if c.name == column), None)
    if rule.cell_repair is None or found is None or found in table.key or found.source.generated:
        return
    repair = rule.cell_repair(subject, table, found)
    if repair is None:
        return
    for rowid, value in samples.values(subject, table.source, found.source, rowids):
        try:
            new = repair(value)
        except UnrepairableError:
            continue
        yield rowid, new


def offending(subject: Subject, rule: SetRule, table: PlannedTable, columns: Sequence[PlannedColumn]) -> list[int]:
    """Return the rows in which the rule finds a fault with exactly these columns."""
    conditions = (o.where for o in offences(rule, subject, table) if same_columns(o, columns))
    return [row for where in conditions for row in samples.rowids(subject, table.source, where)]


def offences(rule: SetRule, subject: Subject, table: PlannedTable) -> Iterator[Offence]:
    """Yield the faults that the rule finds in one table."""
    return rule.offences(subject, table) if rule.offences else iter(())


def same_columns(offence: Offence, columns: Sequence[PlannedColumn]) -> bool:
    """Return whether an offence concerns exactly these columns."""
    return {c.name for c in offence.columns} == {c.name for c in columns}


def searches(subject: Subject, table: PlannedTable, columns: str) -> list[duplicate_key.Search]:
    """Return the unique constraints over these columns, as a finding names them, whose rows can be merged.

    Rows that only an expression makes equal (Lower of a code) hold different values, so a person has to choose.
    """
    found = duplicate_key.searches(subject, table)
    plain = [s for s in found if s.certain and not s.unique.expressions]
    return [search for search in plain if ", ".join(search.unique.columns) == columns]


def _with_merge(subject: Subject, table: PlannedTable, finding: Finding) -> Finding:
    """Return the finding of duplicates with what a merge would leave out."""
    merge = differing_duplicates.describe_merge(subject, searches(subject, table, finding.column))
    return dataclasses.replace(finding, remedy=f"{finding.remedy}\n{merge}")


def mergeable(subject: Subject, table: PlannedTable, columns: str) -> int:
    """Count the rows of a finding that a merge would remove: all of them, or none."""
    found = 0
    for search in searches(subject, table, columns):
        pairs = compose("({pairs})", pairs=duplicate_key.pairs(search))
        if not blocks_merge(subject, table, pairs):
            found += subject.number(compose("SELECT count(*) FROM {pairs}", pairs=pairs))
    return found


def blocks_merge(subject: Subject, table: PlannedTable, pairs: Sql) -> bool:
    """Return whether a row refers to a removed row and cannot follow it."""
    for child, key in children(subject, table):
        rows = pointed(child, key, table, pairs)
        if rows is None and child.source.rows:
            return True
        if rows and not may_change(child, key) and subject.number(compose("SELECT EXISTS ({rows})", rows=rows)):
            return True
    return False


def children(subject: Subject, table: PlannedTable) -> Iterator[tuple[PlannedTable, TargetForeignKey]]:
    """Yield the tables that refer to this one, each with its key."""
    for child in subject.plan.tables:
        for key in child.target.foreign_keys:
            if key.parent == table.name:
                yield child, key


def may_change(child: PlannedTable, key: TargetForeignKey) -> bool:
    """Return whether the key can be changed.

    It cannot where it is part of the child's own primary key, as with multi-table inheritance.
    """
    return can_be_edited(child) and not any(column in child.key for column in child.columns_named(key.columns))


def pointed(child: PlannedTable, key: TargetForeignKey, table: PlannedTable, pairs: Sql) -> Sql | None:
    """Select the children of removed rows with the key of the row that is kept.

    ``pairs`` gives ``removed`` and ``kept``. Rows that are removed themselves are not changed.

    Returns:
        None where the keys cannot be compared.
    """
    columns, parents = child.columns_named(key.columns), table.columns_named(key.parent_columns)
    here, there = key_of(columns), key_of(parents)
    if len(columns) != 1 or len(parents) != 1 or here is None or there is None:
        return None
    (parent,) = parents
    is_same = child.name == table.name
    stays = compose("c.row NOT IN (SELECT removed FROM {pairs})", pairs=pairs) if is_same else Sql("1")
    return compose(
        "SELECT c.row, k.{parent} FROM (SELECT {child_rowid} AS row, {same} AS v FROM {child} WHERE {held}) AS c"
        " JOIN (SELECT {rowid} AS row, {other} AS v FROM {table} WHERE {other_held}"
        " AND {rowid} IN (SELECT removed FROM {pairs})) AS g ON c.v = g.v"
        " JOIN {pairs} AS p ON p.removed = g.row JOIN {table} AS k ON k.{rowid} = p.kept WHERE {stays}",
        parent=name(parent.source.name),
        child_rowid=rowid_of(child.source),
        same=here.same,
        child=numbered(child.source),
        held=here.held,
        rowid=rowid_of(table.source),
        other=there.same,
        table=numbered(table.source),
        other_held=there.held,
        pairs=pairs,
        stays=stays,
    )
