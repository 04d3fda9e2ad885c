"""Find whole numbers that smallint or integer cannot hold: SQLite's integers all have 64 bits."""

from __future__ import annotations

from migrate_to_pg.codecs.numeric import LIMITS
from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import PlannedColumn
from migrate_to_pg.rules.malformed import form_rule, marked


def _holds(column: PlannedColumn) -> str:
    low, high = LIMITS[column.target.type_name]
    return _("whole numbers from {low} to {high}", low=low, high=high)


RULE = form_rule(
    id="integer-out-of-range",
    title=N_("Whole number out of range"),
    mask=marked("int2", "int4"),
    holds=_holds,
    meaning=(
        "PostgreSQL's smallint holds -32768 to 32767, its integer -2147483648 to 2147483647, and it refuses anything"
        " else. What is beyond 64 bits is a REAL in SQLite and reported by wrong-storage-class."
    ),
    remedy=N_("Correct the numbers in SQLite, or make the model's field a BigIntegerField and migrate."),
)
