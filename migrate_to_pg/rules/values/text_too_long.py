"""Find text with more characters than varchar(n) or char(n) takes: SQLite enforces no length.

Excess spaces count too. PostgreSQL does not refuse them. It cuts them off silently, in COPY as well
(https://www.postgresql.org/docs/current/datatype-character.html), and nothing may change silently.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs.codec import mask_or_none
from migrate_to_pg.codecs.reader import ColumnBatch
from migrate_to_pg.i18n import N_, ngettext
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Level, PlannedColumn, PlannedTable
from migrate_to_pg.rules.base import CellRepair, Message, Subject, UnrepairableError, Value, ValueRule
from migrate_to_pg.sqlite.sql import Sql, compose, name, number


def mask(batch: ColumnBatch) -> pa.BooleanArray | None:
    """Mark text that is longer in code points, which is what PostgreSQL counts."""
    limit = batch.column.target.max_length
    if limit is None or not pa.types.is_string(batch.values.type):
        return None
    # Bytes are at hand in the offsets, characters must be counted; no text has more characters than bytes.
    if (pc.max(pc.binary_length(batch.values)).as_py() or 0) <= limit:
        return None
    return mask_or_none(pc.greater(pc.utf8_length(batch.values), limit))


def describe(subject: Subject, table: PlannedTable, column: PlannedColumn, _own: Sql) -> Message:
    """Report the length of the longest text, and how many texts only end in too many spaces."""
    parts = {
        "table": name(table.source.name),
        "column": name(column.source.name),
        "limit": number(column.target.max_length or 0),
    }
    sql = compose(
        "SELECT max(length({column})), sum(length(rtrim({column}, ' ')) <= {limit})"
        " FROM {table} WHERE typeof({column}) = 'text' AND length({column}) > {limit}",
        **parts,
    )
    longest, spaces = subject.rows(sql)[0]
    query = compose("SELECT * FROM {table} WHERE length({column}) > {limit};", **parts)
    explanation = _(
        "PostgreSQL's column is {type} and would refuse these values. The longest has {longest:,} characters: SQLite"
        " does not check the length.",
        type=column.target.type_sql,
        longest=longest,
    )
    cut = ngettext(
        "{n:,} of them is too long by spaces alone, which PostgreSQL would cut off silently.",
        "{n:,} of them are too long by spaces alone, which PostgreSQL would cut off silently.",
        spaces or 0,
    )
    return Message(
        explanation=f"{explanation} {cut}" if spaces else explanation,
        remedy=_(
            "Raise max_length in the model and migrate, or shorten the values. To see them all:\n{query}", query=query
        ),
    )


def _conversion(_: Subject, __: PlannedTable, column: PlannedColumn) -> CellRepair | None:
    limit = column.target.max_length

    def cut(value: Value) -> Value:
        if isinstance(value, str):
            return value[:limit]
        raise UnrepairableError

    return None if limit is None else cut


RULE = ValueRule(
    id="text-too-long",
    level=Level.ERROR,
    title=N_("Text longer than the column"),
    meaning=(
        "PostgreSQL refuses text of more than n characters in varchar(n) or char(n). Where the excess is spaces alone,"
        " it silently cuts them off. Characters are Unicode code points."
    ),
    remedy=N_("Raise max_length in the model and migrate, or shorten the values."),
    mask=mask,
    describe=describe,
    repair="lossy",
    repair_description=(
        "Keeps the first n characters (code points), n being the length of PostgreSQL's column, and cuts off the rest,"
        " spaces or not."
    ),
    cell_repair=_conversion,
)
