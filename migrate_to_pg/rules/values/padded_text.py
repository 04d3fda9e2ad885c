"""Find text for char(n) that is shorter than n: PostgreSQL pads it with spaces, and returns it with them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs.codec import mask_or_none
from migrate_to_pg.codecs.reader import ColumnBatch
from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Level, PlannedColumn, PlannedTable
from migrate_to_pg.rules.base import Message, Subject, ValueRule
from migrate_to_pg.sqlite.sql import Sql


def mask(batch: ColumnBatch) -> pa.BooleanArray | None:
    """Mark text with fewer characters than the column."""
    target = batch.column.target
    if target.type_name != "bpchar" or target.max_length is None or not pa.types.is_string(batch.values.type):
        return None
    return mask_or_none(pc.less(pc.utf8_length(batch.values), target.max_length))


def describe(_subject: Subject, _table: PlannedTable, column: PlannedColumn, _own: Sql) -> Message:
    """Explain that the values come back padded."""
    return Message(
        explanation=_(
            "PostgreSQL's column is {type}: it pads these values with spaces and returns them padded, so the number of"
            " spaces at their end is lost. PostgreSQL compares them as equal to the values in SQLite.",
            type=column.target.type_sql,
        )
    )


RULE = ValueRule(
    id="padded-text",
    level=Level.WARNING,
    title=N_("Text that char(n) pads with spaces"),
    meaning=(
        "A value of char(n) always has n characters: PostgreSQL appends spaces, and ignores them when it compares."
        " Django reads them. The verification finds both equal."
    ),
    remedy=N_("Where the spaces matter, make the column varchar(n) on PostgreSQL by a migration."),
    mask=mask,
    describe=describe,
)
