"""Duplicates under a unique constraint in, one row of each key out: the one with the lowest primary key.

Every row that refers to one of the others is pointed at the one that stays: foreign keys, many-to-many tables and
generic keys. The others are kept whole in the journal, with the columns in which they differed.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.account import Fate
from migrate_to_pg.language import gettext as _
from migrate_to_pg.mend.working_copy import WorkingCopy, kept_columns
from migrate_to_pg.records import GenericKey, PlannedColumn, PlannedTable, TargetForeignKey
from migrate_to_pg.rules import Subject, duplicate_key
from migrate_to_pg.rules.foreign_key_orphan import paired
from migrate_to_pg.rules.keys import key_of
from migrate_to_pg.rules.rows import can_be_edited
from migrate_to_pg.rules.sql import Sql, compose, join, name, number, text
from migrate_to_pg.sqlite import row_number

RULE = duplicate_key.RULE
#: Rows that go, and the row of the same key that stays.
_PAIRS = Sql("scratch.pairs")


def merge(copy: WorkingCopy, subject: Subject, table: PlannedTable, search: duplicate_key.Search) -> int:
    """Merge the rows of one constraint; returns how many went. None goes where a row could not be pointed anew."""
    _find_pairs(copy, search)
    children = [(child, key, _pointed(child, key, table)) for child, key in _children(subject, table)]
    if any(_is_stuck(copy, child, key, pointed) for child, key, pointed in children):
        return 0
    for child, key, pointed in children:
        if pointed and _may_change(child, key):
            copy.propose_from(pointed)
            copy.change(RULE.id, child, paired(child, key.columns)[0])
    for generic in subject.plan.generic_keys:
        _point_generic(copy, subject, generic, table)
    return copy.set_aside(RULE.id, table, Fate.MERGED, _rows(table, search))


def _children(subject: Subject, table: PlannedTable) -> Iterator[tuple[PlannedTable, TargetForeignKey]]:
    for child in subject.plan.tables:
        for key in child.target.foreign_keys:
            if key.parent == table.name:
                yield child, key


def _may_change(child: PlannedTable, key: TargetForeignKey) -> bool:
    """Not where a child's key is part of its own identity, as with multi-table inheritance."""
    return can_be_edited(child) and not any(column in child.key for column in paired(child, key.columns))


def _is_stuck(copy: WorkingCopy, child: PlannedTable, key: TargetForeignKey, pointed: Sql | None) -> bool:
    """Whether a row that refers to one of those that go could not follow it."""
    if pointed is None:
        return bool(child.source.rows)
    some = compose("SELECT EXISTS ({pointed})", pointed=pointed)
    return not _may_change(child, key) and bool(copy.database.execute(some).fetchone()[0])


def _find_pairs(copy: WorkingCopy, search: duplicate_key.Search) -> None:
    copy.database.execute(compose("DROP TABLE IF EXISTS {pairs}", pairs=_PAIRS))
    found = duplicate_key.pairs(search)
    copy.database.execute(compose("CREATE TABLE {pairs} AS {found}", pairs=_PAIRS, found=found))


def _pointed(child: PlannedTable, key: TargetForeignKey, table: PlannedTable) -> Sql | None:
    """The children of the rows that go, and the key of the row that stays; None for a key that cannot be compared.

    Rows that go themselves are left as they are.
    """
    columns, parents = paired(child, key.columns), paired(table, key.parent_columns)
    here, there = key_of(columns), key_of(parents)
    if len(columns) != 1 or len(parents) != 1 or here is None or there is None or not _rowid(child):
        return None
    (parent,) = parents
    return compose(
        "SELECT c.row, k.{parent} FROM (SELECT {child_rowid} AS row, {same} AS v FROM main.{child} WHERE {held}) AS c"
        " JOIN (SELECT {rowid} AS row, {other} AS v FROM main.{table} WHERE {other_held}"
        " AND {rowid} IN (SELECT gone FROM {pairs})) AS g ON c.v = g.v"
        " JOIN {pairs} AS p ON p.gone = g.row JOIN main.{table} AS k ON k.{rowid} = p.kept WHERE {stays}",
        parent=name(parent.source.name),
        child_rowid=_rowid(child),
        same=here.same,
        child=name(child.source.name),
        held=here.held,
        rowid=_rowid(table),
        other=there.same,
        table=name(table.source.name),
        other_held=there.held,
        pairs=_PAIRS,
        stays=_stays(child, table),
    )


def _point_generic(copy: WorkingCopy, subject: Subject, generic: GenericKey, table: PlannedTable) -> None:
    """The same for keys that name the model of this table by its content type."""
    child = subject.plan.table(generic.table)
    if child is None or len(table.key) != 1 or not can_be_edited(child):
        return
    columns = paired(child, (generic.content_type_column, generic.object_column))
    if not columns or columns[1] in child.key:
        return
    kind, row = (name(column.source.name) for column in columns)
    parts = {"row": row, "kind": kind, "child": name(child.source.name), "key": name(table.key[0].source.name)}
    for content_type in content_types(subject, table):
        copy.propose_from(
            compose(
                "SELECT c.{child_rowid}, CASE typeof(c.{row}) WHEN 'text' THEN CAST(k.{key} AS TEXT) ELSE k.{key} END"
                " FROM main.{child} AS c JOIN main.{table} AS g ON CAST(c.{row} AS TEXT) = CAST(g.{key} AS TEXT)"
                " JOIN {pairs} AS p ON p.gone = g.{rowid} JOIN main.{table} AS k ON k.{rowid} = p.kept"
                " WHERE c.{kind} = {content_type}",
                child_rowid=_rowid(child),
                table=name(table.source.name),
                rowid=_rowid(table),
                pairs=_PAIRS,
                content_type=number(content_type),
                **parts,
            )
        )
        copy.change(RULE.id, child, columns[1])


def content_types(subject: Subject, table: PlannedTable) -> list[int]:
    """The ids of the content types whose model keeps its rows in this table."""
    if subject.plan.table("django_content_type") is None:
        return []
    models = [model for model, its_table in subject.plan.models.items() if its_table == table.name]
    query = Sql("SELECT id FROM main.django_content_type WHERE (app_label, model) = (?, ?) AND typeof(id) = 'integer'")
    return [row for model in models for (row,) in subject.rows(query, *model)]


def _rows(table: PlannedTable, search: duplicate_key.Search) -> Sql:
    """The rows that go, each with what tells it from the one that stays."""
    differs = join(" || ", (_differs(column) for column in kept_columns(table) if column not in _keys(table)))
    same = text(_("same {columns} as ", columns=", ".join(search.unique.columns)))
    return compose(
        "SELECT p.gone AS row, p.kept AS kept,"
        " {same} || {kept_key} || ifnull('; differs in ' || rtrim(nullif({differs}, ''), ', '), '') AS reason"
        " FROM {pairs} AS p JOIN main.{table} AS g ON g.{rowid} = p.gone"
        " JOIN main.{table} AS k ON k.{rowid} = p.kept",
        same=same,
        kept_key=join(" || ', ' || ", (_named(column) for column in table.key)),
        differs=differs or Sql("''"),
        pairs=_PAIRS,
        table=name(table.source.name),
        rowid=_rowid(table),
    )


def _keys(table: PlannedTable) -> list[str]:
    return [column.source.name for column in table.key]


def _named(column: PlannedColumn) -> Sql:
    return compose(
        "{label} || ifnull(CAST(k.{c} AS TEXT), 'NULL')",
        label=text(f"{column.name} = "),
        c=name(column.source.name),
    )


def _differs(column: str) -> Sql:
    return compose(
        "iif(g.{c} IS NOT k.{c} OR typeof(g.{c}) <> typeof(k.{c}), {label}, '')",
        c=name(column),
        label=text(f"{column}, "),
    )


def _stays(child: PlannedTable, table: PlannedTable) -> Sql:
    """A row of the same table that goes itself keeps what it holds."""
    if child.name != table.name:
        return Sql("1")
    return compose("c.row NOT IN (SELECT gone FROM {pairs})", pairs=_PAIRS)


def _rowid(table: PlannedTable) -> Sql:
    return Sql(row_number(table.source))
