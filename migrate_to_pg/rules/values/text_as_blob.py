"""Find text stored as a BLOB in a column where Django reads it all the same: a date, a time, a JSON document."""

from __future__ import annotations

import dataclasses

from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import PlannedColumn
from migrate_to_pg.rules import convert
from migrate_to_pg.rules.malformed import JSON_TYPES, condition, form_rule
from migrate_to_pg.sqlite.sql import Sql

#: Type -> the declared types of SQLite's for which Django decodes the bytes before it reads them.
_DECODED = {
    "date": ("date",),
    "time": ("time",),
    "timestamp": ("datetime", "timestamp"),
    "timestamptz": ("datetime", "timestamp"),
}


def _is_read(column: PlannedColumn) -> bool:
    """Return whether Django reads bytes in this column as it reads text. ``json.loads`` takes both."""
    kind = column.target.type_name
    return kind in JSON_TYPES or convert.declared_word(column) in _DECODED.get(kind, ())


def texts(column: PlannedColumn) -> Sql | None:
    """Return the condition for such values, or None where Django reads no bytes in this column."""
    return condition("typeof({c}) = 'blob' AND pg_text_fault({c}) IS NULL", column) if _is_read(column) else None


RULE = dataclasses.replace(
    form_rule(
        id="text-as-blob",
        title=N_("Text stored as a BLOB, which Django reads"),
        mask=lambda batch: batch.wrong_storage if _is_read(batch.column) else None,
        holds=N_("values that are read from text"),
        meaning=(
            "A program stored the characters as a BLOB. In columns of dates, times and JSON Django decodes and reads"
            " them, but PostgreSQL takes text alone. In any other column Django reads bytes where it should read text,"
            " or fails: that is wrong-storage-class."
        ),
        remedy=N_("Store them as text: CAST(column AS TEXT)."),
        hint=lambda *_args: _("They are BLOBs of UTF-8, from which Django reads what it would read from the text."),
        repair="lossless",
        repair_description="Makes a text of the BLOB's bytes.",
        cell_repair=convert.conversion_for,
    ),
    where=lambda _subject, _table, column: texts(column) or Sql("0"),
)
