"""Values of the right storage class that PostgreSQL's type cannot hold: dates that are none, numbers out of range."""

from __future__ import annotations

import pyarrow as pa

from migrate_to_pg.columns.reader import ColumnBatch
from migrate_to_pg.records import Level, PlannedColumn, PlannedTable
from migrate_to_pg.rules.rule import Subject, Told, ValueRule

_TEXT = "text without the character NUL, in valid UTF-8"
_JSON = "JSON as RFC 8259 has it (no NaN, no trailing comma, no single quotes), in valid UTF-8"
#: pg_type.typname -> what it holds.
_FORMS = {
    "int2": "whole numbers from -32768 to 32767",
    "int4": "whole numbers from -2147483648 to 2147483647",
    "int8": "whole numbers of 64 bits",
    "float4": "numbers of 32-bit floating point; these would be rounded",
    "bool": "0 (false) and 1 (true)",
    "varchar": _TEXT,
    "text": _TEXT,
    "bpchar": _TEXT,
    "citext": _TEXT,
    "json": _JSON,
    "jsonb": _JSON,
    "uuid": "32 hexadecimal digits, with dashes or without",
    "date": "dates of years 1 to 9999, written YYYY-MM-DD",
    "time": "times of day without offset, written HH:MM:SS.ffffff",
    "timestamp": "dates and times of years 1 to 9999, written YYYY-MM-DD HH:MM:SS.ffffff",
}


def mask(batch: ColumnBatch) -> pa.BooleanArray | None:
    """As the codec found."""
    return batch.malformed


def tell(subject: Subject, _: PlannedTable, column: PlannedColumn) -> Told:
    """What the type holds."""
    return Told(
        explanation=(
            f"PostgreSQL's column is {column.target.type_sql}, which holds {_form(subject, column)}. These values are"
            " not that; SQLite looks at no value, so any program could write them."
        ),
        remedy="Correct these values in SQLite, or change the model's field and migrate.",
    )


def _form(subject: Subject, column: PlannedColumn) -> str:
    target = column.target
    if target.type_name == "numeric":
        whole = (target.precision or 0) - (target.scale or 0)
        return f"at most {whole} digits before the decimal point and {target.scale} after it"
    if target.type_name == "timestamptz":
        return (
            f"{_FORMS['timestamp']}, with an offset or without; without one the text means the time in"
            f" {subject.plan.source_time_zone}, which must have shown that time, and only once"
        )
    return _FORMS.get(target.type_name, "other values")


RULE = ValueRule(
    id="malformed-value",
    level=Level.ERROR,
    title="Value that the column's type cannot hold",
    meaning=(
        "PostgreSQL refuses text that is no date, time, uuid or JSON, integers out of range, numbers of too many"
        " digits, booleans other than 0 and 1, and text with NUL characters or invalid UTF-8. A local time that the"
        " clocks showed twice, or never, has no one meaning and is found too."
    ),
    remedy="Correct the values in SQLite, or change the model's field and migrate.",
    mask=mask,
    tell=tell,
    with_class=True,
)
