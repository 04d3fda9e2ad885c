"""A boolean that is neither 0 nor 1: SQLite has no boolean type, so anything can stand there."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.columns.reader import ColumnBatch
from migrate_to_pg.language import N_
from migrate_to_pg.language import gettext as _
from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.rules.form import form_rule, told_counts
from migrate_to_pg.rules.rule import Subject, UnmendableError, Value

_TRUE = frozenset(("true", "t", "yes", "y", "on", "1"))
_FALSE = frozenset(("false", "f", "no", "n", "off", "0"))


def _mask(batch: ColumnBatch) -> pa.BooleanArray | None:
    """Other numbers, and other types of value: 'true' and 2 are one fault to whoever repairs it."""
    if batch.column.target.type_name != "bool":
        return None
    if batch.malformed is None or batch.wrong_storage is None:
        return batch.malformed if batch.wrong_storage is None else batch.wrong_storage
    return pc.or_(batch.malformed, batch.wrong_storage)


def _hint(subject: Subject, table: PlannedTable, column: PlannedColumn) -> str:
    return told_counts(
        subject,
        table,
        column,
        [
            (
                _("a word that other programs read as true or false"),
                "typeof({c}) = 'text' AND lower({c}) IN"
                " ('true', 'false', 't', 'f', 'yes', 'no', 'y', 'n', 'on', 'off')",
            ),
            (_("the empty text"), "{c} = ''"),
        ],
    )


def _mended(value: Value) -> Value:
    word = value.strip(" ").lower() if isinstance(value, str) else value
    if word in _TRUE or word == 1:
        return 1
    if word in _FALSE or word == 0:
        return 0
    raise UnmendableError


RULE = form_rule(
    id="boolean-value",
    title=N_("Boolean that is neither 0 nor 1"),
    mask=_mask,
    holds=N_("0 (false) and 1 (true)"),
    hint=_hint,
    meaning=(
        "PostgreSQL's boolean is true or false. Of a number such as 2, or a text such as 'true', 't' or '', SQLite and"
        " Django each make something else: Django finds 'false' true, SQLite finds 't' false."
    ),
    remedy=N_("Put 0 or 1 in their place."),
    repair="lossless",
    repair_description=(
        "Puts 1 in place of true, t, yes, y, on, 1 and 1.0, and 0 in place of false, f, no, n, off, 0 and 0.0, in"
        " capitals or not, with spaces around or not. All else stands."
    ),
    mend=lambda *_: _mended,
)
