"""Merge duplicates under a unique constraint: of each key the row with the lowest primary key stays.

References to the other rows are redirected to that row: foreign keys, many-to-many tables and generic keys. The others
are kept complete in the journal, with the columns in which they differed.
"""

from __future__ import annotations

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.secret_columns import MASK, is_secret
from migrate_to_pg.records import GenericKey, PlannedTable
from migrate_to_pg.records.repairs import RowOutcome
from migrate_to_pg.row_repair.working_copy import RepairCopy, stored_columns
from migrate_to_pg.rules import Subject
from migrate_to_pg.rules.keys import duplicate_key
from migrate_to_pg.rules.keys.foreign_key_orphan import paired
from migrate_to_pg.rules.mergeable import blocks_merge, children, may_change, pointed
from migrate_to_pg.rules.samples import can_be_edited
from migrate_to_pg.sqlite.connection import row_number
from migrate_to_pg.sqlite.sql import Sql, compose, join, name, number, text

RULE = duplicate_key.RULE
#: Rows to remove, and the row of the same key that stays.
_PAIRS = Sql("scratch.pairs")


def merge(copy: RepairCopy, subject: Subject, table: PlannedTable, search: duplicate_key.Search) -> int:
    """Merge the rows of one constraint, and return how many went: none where a reference cannot be redirected."""
    copy.database.execute(compose("DROP TABLE IF EXISTS {pairs}", pairs=_PAIRS))
    found = duplicate_key.pairs(search)
    copy.database.execute(compose("CREATE TABLE {pairs} AS {found}", pairs=_PAIRS, found=found))
    if blocks_merge(subject, table, _PAIRS):
        return 0
    for child, key in children(subject, table):
        redirected = pointed(child, key, table, _PAIRS)
        if redirected and may_change(child, key):
            copy.stage_query(redirected)
            copy.apply_edits(RULE.id, child, paired(child, key.columns)[0])
    for generic in subject.plan.generic_keys:
        _redirect_generic(copy, subject, generic, table)
    return copy.remove_rows(RULE.id, table, RowOutcome.MERGED, _rows(table, search))


def _redirect_generic(copy: RepairCopy, subject: Subject, generic: GenericKey, table: PlannedTable) -> None:
    """Redirect generic keys that name the model of this table by its content type."""
    child = subject.plan.table(generic.table)
    if child is None or len(table.key) != 1 or not can_be_edited(child):
        return
    columns = paired(child, (generic.content_type_column, generic.object_column))
    if not columns or columns[1] in child.key:
        return
    kind, row = (name(column.source.name) for column in columns)
    parts = {"row": row, "kind": kind, "child": name(child.source.name), "key": name(table.key[0].source.name)}
    for content_type in content_types(subject, table):
        copy.stage_query(
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
        copy.apply_edits(RULE.id, child, columns[1])


def content_types(subject: Subject, table: PlannedTable) -> list[int]:
    """Return the ids of the content types whose model has its rows in this table."""
    if subject.plan.table("django_content_type") is None:
        return []
    models = [model for model, its_table in subject.plan.models.items() if its_table == table.name]
    query = Sql("SELECT id FROM main.django_content_type WHERE (app_label, model) = (?, ?) AND typeof(id) = 'integer'")
    return [row for model in models for (row,) in subject.rows(query, *model)]


def _rows(table: PlannedTable, search: duplicate_key.Search) -> Sql:
    """Return the query for the rows to remove, each with its differences from the one that stays."""
    differs = [
        compose(
            "iif(g.{c} IS NOT k.{c} OR typeof(g.{c}) <> typeof(k.{c}), {label}, '')",
            c=name(column),
            label=text(f"{column}, "),
        )
        for column in stored_columns(table)
        if column not in {key.source.name for key in table.key}
    ]
    labels = [
        text(f"{column.name} = {MASK}")
        if is_secret(table.name, column.name)
        else compose(
            "{label} || ifnull(CAST(k.{c} AS TEXT), 'NULL')",
            label=text(f"{column.name} = "),
            c=name(column.source.name),
        )
        for column in table.key
    ]
    columns = ", ".join(search.unique.columns)
    # SQLite fills in each row's values, the keys last: they may contain anything.
    same = _("same {columns} as {kept}", columns=columns, kept="{kept}")
    other = _("same {columns} as {kept}; differs in {others}", columns=columns, kept="{kept}", others="{others}")
    return compose(
        "SELECT p.gone AS row, p.kept AS kept, replace("
        "ifnull(replace({other}, '{{others}}', rtrim(nullif({differs}, ''), ', ')), {same}), '{{kept}}', {kept_key}"
        ") AS reason"
        " FROM {pairs} AS p JOIN main.{table} AS g ON g.{rowid} = p.gone"
        " JOIN main.{table} AS k ON k.{rowid} = p.kept",
        same=text(same),
        other=text(other),
        kept_key=join(" || ', ' || ", labels),
        differs=join(" || ", differs) or Sql("''"),
        pairs=_PAIRS,
        table=name(table.source.name),
        rowid=_rowid(table),
    )


def _rowid(table: PlannedTable) -> Sql:
    return Sql(row_number(table.source))
