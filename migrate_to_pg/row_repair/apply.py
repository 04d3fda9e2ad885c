"""Apply the accepted repairs of a finding to the working copy: change cells, quarantine rows, merge duplicates.

The rule decides on the new value. This module finds the rows: by the rule's mask over the batches that load sends, or
by its conditions in SQL. Rows that refer to quarantined rows are quarantined too: nothing in the target may refer to a
missing row. Of duplicates under a unique constraint the row with the lowest primary key stays, and references to the
others are redirected to it: foreign keys, many-to-many tables and generic keys. All removed rows are kept complete in
the journal.
"""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Collection, Iterable, Sequence

import pyarrow.compute as pc

from migrate_to_pg.codecs.reader import read
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.secret_columns import MASK, is_secret
from migrate_to_pg.records import Finding, GenericKey, PlannedColumn, PlannedTable, Refusal, TargetForeignKey
from migrate_to_pg.records.repairs import RowOutcome
from migrate_to_pg.row_repair.journal import rows_table
from migrate_to_pg.row_repair.working_copy import EDITS, RepairCopy, stored_columns
from migrate_to_pg.rules import SetRule, Subject, ValueRule, repair_trial, samples
from migrate_to_pg.rules.keys import duplicate_key, foreign_key_orphan
from migrate_to_pg.rules.keys.differing_duplicates import differing, differs
from migrate_to_pg.rules.repair_trial import blocks_merge, children, may_change, pointed, repaired
from migrate_to_pg.rules.samples import can_be_edited
from migrate_to_pg.rules.sql_keys import key_of
from migrate_to_pg.rules.values import refused_row
from migrate_to_pg.sqlite.arrow_connections import ArrowConnections
from migrate_to_pg.sqlite.connection import row_number
from migrate_to_pg.sqlite.sql import Sql, compose, join, name, number, text

_Rule = SetRule | ValueRule
#: The staged rows, each with the reason for its removal.
_STAGED_ROWS = compose("SELECT row, new AS reason, NULL AS kept FROM {edits}", edits=EDITS)


def repair(copy: RepairCopy, subject: Subject, rule: _Rule, table: PlannedTable, finding: Finding) -> int:
    """Repair every cell of one finding that can be repaired, and return the number of changed cells."""
    columns = [c for c in table.loaded_columns if c.name == finding.column]
    if rule.cell_repair is None or not columns:
        return 0
    rowids = matching_rowids(copy, subject, rule, table, columns)
    copy.stage_edits(repaired(subject, rule, table, finding.column, rowids))
    return copy.apply_edits(rule.id, table, columns[0])


def quarantine(
    copy: RepairCopy,
    subject: Subject,
    rule: _Rule,
    table: PlannedTable,
    finding: Finding,
    *,
    but: Collection[int] = (),
) -> int:
    """Quarantine every row of one finding except ``but``, and return their number."""
    columns = tuple(c for c in table.columns if c.name in finding.column.split(", "))
    reason = f"{_(rule.title)}: {finding.column}"
    copy.stage_edits((row, reason) for row in matching_rowids(copy, subject, rule, table, columns) if row not in but)
    return copy.remove_rows(rule.id, table, RowOutcome.QUARANTINED, _STAGED_ROWS)


def is_repaired(
    copy: RepairCopy, subject: Subject, rule: _Rule, table: PlannedTable, finding: Finding
) -> Iterable[int]:
    """Return the rows of one finding that the repair of its rule would keep."""
    columns = tuple(c for c in table.columns if c.name in finding.column.split(", "))
    rowids = matching_rowids(copy, subject, rule, table, columns)
    if rule.id == duplicate_key.RULE.id:
        return rowids
    return (row for row, __ in repaired(subject, rule, table, finding.column, rowids))


def quarantine_refused(copy: RepairCopy, table: PlannedTable, refusal: Refusal) -> int:
    """Quarantine the rows that PostgreSQL refused, and return their number."""
    rule = refused_row.rule_of(table, refusal)
    reason = f"{_(rule.title)}: {refusal.reason}"
    copy.stage_edits((row, reason) for row in refusal.rows)
    return copy.remove_rows(rule.id, table, RowOutcome.QUARANTINED, _STAGED_ROWS)


def matching_rowids(
    copy: RepairCopy, subject: Subject, rule: _Rule, table: PlannedTable, columns: Sequence[PlannedColumn]
) -> Sequence[int]:
    """Return the rowids of all rows that break the rule in those columns, of which a finding shows five."""
    if isinstance(rule, SetRule):
        return repair_trial.offending(subject, rule, table, columns)
    (column,) = columns
    where = rule.where(subject, table, column) if rule.where else None
    if where is not None:
        return samples.rowids(subject, table.source, where)
    found = array("q")
    one = dataclasses.replace(table, columns=(column,))
    with ArrowConnections(copy.path) as connections:
        for batch in read(one, connections, time_zone=subject.plan.source_time_zone):
            mask = rule.mask(batch.columns[0])
            if mask is not None and batch.rowids is not None:
                found.extend(pc.filter(batch.rowids, mask).to_pylist())
    return found


def quarantine_children(copy: RepairCopy, subject: Subject, *, nulls: bool, nullable_stay: bool) -> bool:
    """Quarantine the children of quarantined rows, and theirs. With ``nulls``, set nullable keys to NULL instead.

    With ``nullable_stay`` a child whose key could be set to NULL is left. Return whether any was.
    """
    editable = [table for table in subject.plan.tables if samples.can_be_edited(table)]
    keys = [(table, key) for table in editable for key in table.target.foreign_keys]
    while sum(
        _handle_children(copy, subject, table, key, nulls=nulls, nullable_stay=nullable_stay) for table, key in keys
    ):
        pass
    left = (_children(copy, subject, table, key) for table, key in keys if nullable_stay and _nullable(table, key))
    return any(where and samples.count(subject, table.source, where) for table, where in left)


def with_left_out(copy: RepairCopy, subject: Subject, finding: Finding) -> Finding:
    """Return a finding of keys without a parent with how many of the parents are in quarantine, where any is."""
    table = subject.plan.table(finding.table)
    if finding.rule != foreign_key_orphan.RULE.id or table is None or not can_be_edited(table):
        return finding
    for key in table.target.foreign_keys:
        __, where = _children(copy, subject, table, key) if ", ".join(key.columns) == finding.column else (table, None)
        left_out = samples.count(subject, table.source, where) if where else 0
        if left_out:
            return foreign_key_orphan.of_left_out(subject, table, finding, key, left_out)
    return finding


def _nullable(table: PlannedTable, key: TargetForeignKey) -> list[PlannedColumn]:
    columns = table.columns_named(key.columns)
    return [column for column in columns if not column.target.not_null and column not in table.key]


def _children(
    copy: RepairCopy, subject: Subject, table: PlannedTable, key: TargetForeignKey
) -> tuple[PlannedTable, Sql | None]:
    """Return the table, and the condition for rows whose parent was removed and exists in no other row."""
    parent = subject.plan.table(key.parent)
    columns = table.columns_named(key.columns)
    parents = parent.columns_named(key.parent_columns) if parent else []
    child, other = key_of(columns) if columns else None, key_of(parents) if parents else None
    orphans = foreign_key_orphan.orphans(subject, key, columns) if columns else None
    if parent is None or child is None or other is None or orphans is None:
        return table, None
    removed = "SELECT count(*) FROM journal.sqlite_schema WHERE name = ?"
    if not copy.database.execute(removed, [rows_table(parent.name)]).fetchone()[0]:
        return table, None
    return table, compose(
        "{orphans} AND ({child}) IN (SELECT {other} FROM journal.{kept} WHERE {held})",
        orphans=orphans,
        child=child.same,
        other=other.same,
        kept=name(rows_table(parent.name)),
        held=other.held,
    )


def _handle_children(
    copy: RepairCopy, subject: Subject, table: PlannedTable, key: TargetForeignKey, *, nulls: bool, nullable_stay: bool
) -> int:
    """Edit or quarantine the rows whose parent was removed, and return their number."""
    nullable = _nullable(table, key)
    __, where = _children(copy, subject, table, key)
    if where is None or (nullable and nullable_stay and not nulls):
        return 0
    parts = {"row": Sql(row_number(table.source)), "table": name(table.source.name), "where": where}
    if nulls and nullable:
        copy.stage_query(compose("SELECT {row}, NULL FROM main.{table} WHERE {where}", **parts))
        return copy.apply_edits(foreign_key_orphan.RULE.id, table, nullable[0], follows=True)
    reason = text(
        _(
            "refers by {columns} to a row of {parent} that is in quarantine",
            columns=", ".join(key.columns),
            parent=key.parent,
        )
    )
    query = "SELECT {row} AS row, {reason} AS reason, NULL AS kept FROM main.{table} WHERE {where}"
    removed = compose(query, reason=reason, **parts)
    return copy.remove_rows(foreign_key_orphan.RULE.id, table, RowOutcome.QUARANTINED, removed, follows=True)


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
            copy.apply_edits(duplicate_key.RULE.id, child, child.columns_named(key.columns)[0])
    for generic in subject.plan.generic_keys:
        _redirect_generic(copy, subject, generic, table)
    return copy.remove_rows(duplicate_key.RULE.id, table, RowOutcome.MERGED, _rows(table, search))


def are_equal(copy: RepairCopy, subject: Subject, search: duplicate_key.Search) -> bool:
    """Return whether the rows that share a key differ in nothing else, and did so before the repairs of other rules."""
    columns = [column.name for column in search.columns]
    query = 'SELECT DISTINCT "column" FROM journal.changed WHERE "table" = ? AND rule <> ?'
    by_others = copy.database.execute(query, [search.table.name, duplicate_key.RULE.id])
    return not differing(subject, search)[0] and not any(column in columns for (column,) in by_others)


def _redirect_generic(copy: RepairCopy, subject: Subject, generic: GenericKey, table: PlannedTable) -> None:
    """Redirect generic keys that name the model of this table by its content type."""
    child = subject.plan.table(generic.table)
    if child is None or len(table.key) != 1 or not can_be_edited(child):
        return
    columns = child.columns_named((generic.content_type_column, generic.object_column))
    if not columns or columns[1] in child.key:
        return
    kind, row = (name(column.source.name) for column in columns)
    parts = {"row": row, "kind": kind, "child": name(child.source.name), "key": name(table.key[0].source.name)}
    for content_type in content_types(subject, table):
        copy.stage_query(
            compose(
                "SELECT c.{child_rowid}, CASE typeof(c.{row}) WHEN 'text' THEN CAST(k.{key} AS TEXT) ELSE k.{key} END"
                " FROM main.{child} AS c JOIN main.{table} AS g ON CAST(c.{row} AS TEXT) = CAST(g.{key} AS TEXT)"
                " JOIN {pairs} AS p ON p.removed = g.{rowid} JOIN main.{table} AS k ON k.{rowid} = p.kept"
                " WHERE c.{kind} = {content_type}",
                child_rowid=_rowid(child),
                table=name(table.source.name),
                rowid=_rowid(table),
                pairs=_PAIRS,
                content_type=number(content_type),
                **parts,
            )
        )
        copy.apply_edits(duplicate_key.RULE.id, child, columns[1])


def content_types(subject: Subject, table: PlannedTable) -> list[int]:
    """Return the ids of the content types whose model has its rows in this table."""
    if subject.plan.table("django_content_type") is None:
        return []
    models = [model for model, its_table in subject.plan.models.items() if its_table == table.name]
    query = Sql("SELECT id FROM main.django_content_type WHERE (app_label, model) = (?, ?) AND typeof(id) = 'integer'")
    return [row for model in models for (row,) in subject.rows(query, *model)]


def _rows(table: PlannedTable, search: duplicate_key.Search) -> Sql:
    """Return the query for the rows to remove, each with its differences from the one that stays."""
    labels_of_differing = [
        compose(
            "iif({differs}, {label}, '')",
            differs=differs(column),
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
        "SELECT p.removed AS row, p.kept AS kept, replace("
        "ifnull(replace({other}, '{{others}}', rtrim(nullif({differs}, ''), ', ')), {same}), '{{kept}}', {kept_key}"
        ") AS reason"
        " FROM {pairs} AS p JOIN main.{table} AS g ON g.{rowid} = p.removed"
        " JOIN main.{table} AS k ON k.{rowid} = p.kept",
        same=text(same),
        other=text(other),
        kept_key=join(" || ', ' || ", labels),
        differs=join(" || ", labels_of_differing) or Sql("''"),
        pairs=_PAIRS,
        table=name(table.source.name),
        rowid=_rowid(table),
    )


def _rowid(table: PlannedTable) -> Sql:
    return Sql(row_number(table.source))
