"""Find out whether rows that share a unique key can be merged.

Every row that refers to a removed row must be able to follow it to the row that is kept. This is checked before a merge
is offered, and again when it is made.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.records import PlannedTable, TargetForeignKey
from migrate_to_pg.rules.base import Subject
from migrate_to_pg.rules.keys import duplicate_key
from migrate_to_pg.rules.keys.foreign_key_orphan import paired
from migrate_to_pg.rules.samples import can_be_edited, numbered, rowid_of
from migrate_to_pg.rules.sql_keys import key_of
from migrate_to_pg.sqlite.sql import Sql, compose, name


def searches(subject: Subject, table: PlannedTable, columns: str) -> list[duplicate_key.Search]:
    """Return the unique constraints over these columns, as a finding names them, whose rows can be merged.

    Rows that only an expression makes equal (Lower of a code) hold different values, so a person has to choose.
    """
    found = duplicate_key.searches(subject, table)
    plain = [s for s in found if s.certain and not s.unique.expressions]
    return [search for search in plain if ", ".join(search.unique.columns) == columns]


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
    return can_be_edited(child) and not any(column in child.key for column in paired(child, key.columns))


def pointed(child: PlannedTable, key: TargetForeignKey, table: PlannedTable, pairs: Sql) -> Sql | None:
    """Select the children of removed rows with the key of the row that is kept.

    ``pairs`` gives ``gone`` and ``kept``. Rows that are removed themselves are not changed.

    Returns:
        None where the keys cannot be compared.
    """
    columns, parents = paired(child, key.columns), paired(table, key.parent_columns)
    here, there = key_of(columns), key_of(parents)
    if len(columns) != 1 or len(parents) != 1 or here is None or there is None:
        return None
    (parent,) = parents
    is_same = child.name == table.name
    stays = compose("c.row NOT IN (SELECT gone FROM {pairs})", pairs=pairs) if is_same else Sql("1")
    return compose(
        "SELECT c.row, k.{parent} FROM (SELECT {child_rowid} AS row, {same} AS v FROM {child} WHERE {held}) AS c"
        " JOIN (SELECT {rowid} AS row, {other} AS v FROM {table} WHERE {other_held}"
        " AND {rowid} IN (SELECT gone FROM {pairs})) AS g ON c.v = g.v"
        " JOIN {pairs} AS p ON p.gone = g.row JOIN {table} AS k ON k.{rowid} = p.kept WHERE {stays}",
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
