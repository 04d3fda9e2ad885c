"""Rows in quarantine in, their children after them: nothing in the target may refer to what is not there."""

from __future__ import annotations

from migrate_to_pg.account import Fate
from migrate_to_pg.journal import rows_table
from migrate_to_pg.language import gettext as _
from migrate_to_pg.mend.working_copy import WorkingCopy
from migrate_to_pg.records import PlannedTable, TargetForeignKey
from migrate_to_pg.rules import Subject, foreign_key_orphan
from migrate_to_pg.rules.keys import key_of
from migrate_to_pg.rules.rows import can_be_edited
from migrate_to_pg.rules.sql import Sql, compose, name, text
from migrate_to_pg.sqlite import row_number


def close(copy: WorkingCopy, subject: Subject, *, nulls: bool) -> None:
    """Take the children of quarantined rows along, and theirs; with ``nulls``, set nullable keys to NULL instead."""
    keys = [(table, key) for table in subject.plan.tables for key in _keys(table)]
    while sum(_follow(copy, subject, table, key, nulls=nulls) for table, key in keys):
        pass


def _keys(table: PlannedTable) -> tuple[TargetForeignKey, ...]:
    return table.target.foreign_keys if can_be_edited(table) else ()


def _follow(copy: WorkingCopy, subject: Subject, table: PlannedTable, key: TargetForeignKey, *, nulls: bool) -> int:
    """The rows whose parent was set aside and is not there in another row; returns how many were dealt with."""
    parent = subject.plan.table(key.parent)
    columns = foreign_key_orphan.paired(table, key.columns)
    parents = foreign_key_orphan.paired(parent, key.parent_columns) if parent else []
    child, other = key_of(columns) if columns else None, key_of(parents) if parents else None
    orphans = foreign_key_orphan.orphans(subject, key, columns) if columns else None
    if parent is None or child is None or other is None or orphans is None or not _has_rows(copy, parent):
        return 0
    where = compose(
        "{orphans} AND ({child}) IN (SELECT {other} FROM journal.{kept} WHERE {held})",
        orphans=orphans,
        child=child.same,
        other=other.same,
        kept=name(rows_table(parent.name)),
        held=other.held,
    )
    parts = {"row": Sql(row_number(table.source)), "table": name(table.source.name), "where": where}
    nullable = [column for column in columns if not column.target.not_null and column not in table.key]
    if nulls and nullable:
        copy.propose_from(compose("SELECT {row}, NULL FROM main.{table} WHERE {where}", **parts))
        return copy.change(foreign_key_orphan.RULE.id, table, nullable[0])
    reason = text(
        _(
            "refers by {columns} to a row of {parent} that is in quarantine",
            columns=", ".join(key.columns),
            parent=key.parent,
        )
    )
    rows = "SELECT {row} AS row, {reason} AS reason, NULL AS kept FROM main.{table} WHERE {where}"
    return copy.set_aside(foreign_key_orphan.RULE.id, table, Fate.QUARANTINED, compose(rows, reason=reason, **parts))


def _has_rows(copy: WorkingCopy, table: PlannedTable) -> bool:
    query = "SELECT count(*) FROM journal.sqlite_schema WHERE name = ?"
    return bool(copy.database.execute(query, [rows_table(table.name)]).fetchone()[0])
