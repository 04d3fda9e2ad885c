"""Text in a date column that is no date: Django reads it as None on SQLite, PostgreSQL refuses it."""

from __future__ import annotations

from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.rules.form import form_rule, marked, told_counts
from migrate_to_pg.rules.rule import Subject


def _hint(subject: Subject, table: PlannedTable, column: PlannedColumn) -> str:
    return told_counts(
        subject,
        table,
        column,
        [
            ("the empty text, where NULL was meant", "{c} = ''"),
            ("a date and a time, of which Django reads nothing in a date column", "{c} GLOB '????-??-??[ T]?*'"),
            ("a zero date as MySQL has it, where NULL was meant", "{c} LIKE '%0000-00-00%'"),
        ],
    )


RULE = form_rule(
    id="malformed-date",
    title="Text that is no date",
    mask=marked("date"),
    holds="dates of years 1 to 9999, written YYYY-MM-DD",
    hint=_hint,
    meaning=(
        "PostgreSQL refuses the empty text, '0000-00-00', days that no calendar has, and any other text that is no"
        " date; a date with a time behind it would lose the time. Numbers are reported by wrong-storage-class."
    ),
    remedy="Write them as YYYY-MM-DD, or set them to NULL where the column allows it.",
)
