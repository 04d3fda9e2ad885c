"""Quarantine rows that refer to quarantined rows: nothing in the target may refer to a missing row."""

from __future__ import annotations

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import PlannedColumn, PlannedTable, TargetForeignKey
from migrate_to_pg.records.repairs import RowOutcome
from migrate_to_pg.row_repair.journal import rows_table
from migrate_to_pg.row_repair.working_copy import RepairCopy
from migrate_to_pg.rules import Subject, samples
from migrate_to_pg.rules.keys import foreign_key_orphan
from migrate_to_pg.rules.sql_keys import key_of
from migrate_to_pg.sqlite.connection import row_number
from migrate_to_pg.sqlite.sql import Sql, compose, name, text


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


def _nullable(table: PlannedTable, key: TargetForeignKey) -> list[PlannedColumn]:
    columns = foreign_key_orphan.paired(table, key.columns)
    return [column for column in columns if not column.target.not_null and column not in table.key]


def _children(
    copy: RepairCopy, subject: Subject, table: PlannedTable, key: TargetForeignKey
) -> tuple[PlannedTable, Sql | None]:
    """Return the table, and the condition for rows whose parent was removed and exists in no other row."""
    parent = subject.plan.table(key.parent)
    columns = foreign_key_orphan.paired(table, key.columns)
    parents = foreign_key_orphan.paired(parent, key.parent_columns) if parent else []
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
        return copy.apply_edits(foreign_key_orphan.RULE.id, table, nullable[0])
    reason = text(
        _(
            "refers by {columns} to a row of {parent} that is in quarantine",
            columns=", ".join(key.columns),
            parent=key.parent,
        )
    )
    query = "SELECT {row} AS row, {reason} AS reason, NULL AS kept FROM main.{table} WHERE {where}"
    gone = compose(query, reason=reason, **parts)
    return copy.remove_rows(foreign_key_orphan.RULE.id, table, RowOutcome.QUARANTINED, gone, follows=True)
