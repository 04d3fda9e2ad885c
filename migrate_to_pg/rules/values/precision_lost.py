"""Find moments and durations with more than timestamp(p), time(p) or an interval's fields keep.

PostgreSQL does not refuse them. It rounds, or drops the fields, in COPY as well
(https://www.postgresql.org/docs/current/datatype-datetime.html), and nothing may change silently.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs.codec import mask_or_none
from migrate_to_pg.codecs.reader import ColumnBatch
from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Level, PlannedColumn, PlannedTable
from migrate_to_pg.rules.base import Message, Subject, ValueRule
from migrate_to_pg.sqlite.sql import Sql

_PRECISION = re.compile(r"\((\d)\)")
#: The last field of an interval -> microseconds of which a duration must be a multiple. What SQLite holds has neither
#: days nor months: an interval of those alone keeps nothing of it, so that there is no such number.
_FIELDS = {"minute": 60_000_000, "hour": 3_600_000_000, "day": None, "month": None, "year": None}


def mask(batch: ColumnBatch) -> pa.BooleanArray | None:
    """Mark values that are no multiple of the smallest unit that the column keeps."""
    target = batch.column.target
    if target.type_name not in ("timestamp", "timestamptz", "time", "interval"):
        return None
    precision = _PRECISION.search(target.type_sql)
    last = target.type_sql.split()[-1]
    if target.type_name == "interval" and last in _FIELDS:
        unit = _FIELDS[last]
    else:
        unit = 10 ** (6 - int(precision[1])) if precision else 1
    if unit == 1 or not pa.types.is_temporal(batch.values.type):
        return None
    numbers = batch.values.cast(pa.int64())
    kept = pc.multiply(pc.divide(numbers, unit), unit) if unit else 0
    return mask_or_none(pc.not_equal(numbers, kept))


def describe(_subject: Subject, _table: PlannedTable, column: PlannedColumn, _own: Sql) -> Message:
    """Explain that the column keeps less than the values hold."""
    return Message(
        explanation=_(
            "PostgreSQL's column is {type} and keeps fewer digits or fields than these values have: it would round"
            " them, or drop the rest, silently.",
            type=column.target.type_sql,
        )
    )


RULE = ValueRule(
    id="precision-lost",
    level=Level.ERROR,
    title=N_("Moment with more digits than the column keeps"),
    meaning=(
        "timestamp(p) and time(p) keep p digits of the second, interval(p) as well, and an interval with fields"
        " (`interval hour to minute`) nothing below them. PostgreSQL rounds or drops the rest silently."
    ),
    remedy=N_("Give the column its full precision on PostgreSQL by a migration, or round the values in SQLite."),
    mask=mask,
    describe=describe,
)
