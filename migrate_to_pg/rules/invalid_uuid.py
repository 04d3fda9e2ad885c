"""Text in a uuid column that is no uuid."""

from __future__ import annotations

from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.rules.form import form_rule, marked, told_counts
from migrate_to_pg.rules.rule import Subject


def _hint(subject: Subject, table: PlannedTable, column: PlannedColumn) -> str:
    return told_counts(subject, table, column, [("the empty text, where NULL was meant", "{c} = ''")])


RULE = form_rule(
    id="invalid-uuid",
    title="Text that is no uuid",
    mask=marked("uuid"),
    holds="32 hexadecimal digits, with dashes or without",
    hint=_hint,
    meaning="PostgreSQL refuses text that is no uuid. Digits with dashes, without, and in either case are taken.",
    remedy="Put uuids in their place, or set them to NULL where the column allows it.",
)
