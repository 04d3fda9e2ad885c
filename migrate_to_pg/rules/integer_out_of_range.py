"""A whole number that smallint or integer cannot hold: SQLite's integers all have 64 bits."""

from __future__ import annotations

from migrate_to_pg.records import PlannedColumn
from migrate_to_pg.rules.form import form_rule, marked

_RANGES = {"int2": "-32768 to 32767", "int4": "-2147483648 to 2147483647"}


def _holds(column: PlannedColumn) -> str:
    return f"whole numbers from {_RANGES.get(column.target.type_name, '64 bits')}"


RULE = form_rule(
    id="integer-out-of-range",
    title="Whole number out of range",
    mask=marked("int2", "int4"),
    holds=_holds,
    meaning=(
        "PostgreSQL's smallint holds -32768 to 32767, its integer -2147483648 to 2147483647, and it refuses anything"
        " else. What is beyond 64 bits is a REAL in SQLite and reported by wrong-storage-class."
    ),
    remedy="Correct the numbers in SQLite, or make the model's field a BigIntegerField and migrate.",
)
