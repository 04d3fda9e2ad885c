"""Find NULL where PostgreSQL's column is NOT NULL: SQLite's table was made or rebuilt without the constraint."""

from __future__ import annotations

import pyarrow as pa

from migrate_to_pg.codecs.codec import mask_or_none
from migrate_to_pg.codecs.reader import ColumnBatch
from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Level, PlannedColumn, PlannedTable
from migrate_to_pg.rules.base import CellRepair, Message, Subject, ValueRule
from migrate_to_pg.rules.malformed import TEXT_TYPES
from migrate_to_pg.sqlite.sql import Sql, compose, name


def mask(batch: ColumnBatch) -> pa.BooleanArray | None:
    """Mark NULL itself, not a value that the codec masked."""
    if not batch.column.target.not_null or not batch.values.null_count:
        return None
    return mask_or_none(batch.is_null)


def describe(_subject: Subject, table: PlannedTable, column: PlannedColumn, _own: Sql) -> Message:
    """Explain why SQLite accepted NULL."""
    explanation = (
        _(
            "PostgreSQL's column {column} is NOT NULL and would refuse these rows. SQLite's column is NOT NULL as well,"
            " and yet holds NULL.",
            column=column.name,
        )
        if column.source.not_null
        else _(
            "PostgreSQL's column {column} is NOT NULL and would refuse these rows. SQLite's column is not: a rebuild"
            " with CREATE TABLE ... AS SELECT loses NOT NULL.",
            column=column.name,
        )
    )
    update = compose(
        "UPDATE {table} SET {column} = ... WHERE {column} IS NULL;",
        table=name(table.source.name),
        column=name(column.source.name),
    )
    return Message(
        explanation=explanation,
        remedy=_("Give these rows a value, or let the model's field be null and migrate:\n{update}", update=update),
    )


def _conversion(_: Subject, table: PlannedTable, column: PlannedColumn) -> CellRepair | None:
    """Put the empty text, as Django leaves a CharField, except in a key, where no parent row has it."""
    is_key = any(column.name in key.columns for key in table.target.foreign_keys)
    return None if is_key or column.target.type_name not in TEXT_TYPES else lambda _: ""


RULE = ValueRule(
    id="null-in-not-null",
    level=Level.ERROR,
    title=N_("NULL in a NOT NULL column"),
    meaning="PostgreSQL refuses the row.",
    remedy=N_("Give the rows a value, or let the model's field be null and migrate."),
    mask=mask,
    describe=describe,
    repair="lossy",
    repair_description=(
        "Puts the empty text, '', in place of NULL in columns of text that are not part of a foreign key. Other columns"
        " have no such empty value, so the finding remains."
    ),
    cell_repair=_conversion,
)
