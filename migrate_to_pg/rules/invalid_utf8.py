"""Text whose bytes are no UTF-8: SQLite stores whatever bytes a program calls text."""

from __future__ import annotations

from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.rules.form import JSON_TYPES, TEXT_TYPES, form_rule, marked, told_counts
from migrate_to_pg.rules.rule import Subject


def _hint(subject: Subject, table: PlannedTable, column: PlannedColumn) -> str:
    return told_counts(
        subject,
        table,
        column,
        [
            (
                "half a surrogate pair, as UTF-16 programs write it",
                "typeof({c}) = 'text' AND pg_text_fault(CAST({c} AS BLOB)) = 'surrogate'",
            ),
            (
                "bytes of another encoding, often Latin-1",
                "typeof({c}) = 'text' AND pg_text_fault(CAST({c} AS BLOB)) = 'utf-8'",
            ),
        ],
    )


RULE = form_rule(
    id="invalid-utf8",
    title="Text that is no UTF-8",
    mask=marked(*TEXT_TYPES, *JSON_TYPES),
    where="typeof({c}) = 'text' AND pg_text_fault(CAST({c} AS BLOB)) IN ('utf-8', 'surrogate')",
    holds="text in valid UTF-8",
    hint=_hint,
    meaning=(
        "PostgreSQL refuses bytes that are no UTF-8, half surrogate pairs included. Django cannot read such a row on"
        " SQLite either. They come from programs that write Latin-1, or UTF-16 cut in the middle of a character."
    ),
    remedy="Find out in which encoding they were written, and write the same characters in UTF-8.",
)
