"""Find numbers that are infinite, or have more digits before the decimal point than numeric(p, s) holds."""

from __future__ import annotations

from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import PlannedColumn
from migrate_to_pg.rules.malformed import form_rule, marked


def _holds(column: PlannedColumn) -> str:
    whole = (column.target.precision or 0) - (column.target.scale or 0)
    return _(
        "at most {whole} digits before the decimal point and {scale} after it", whole=whole, scale=column.target.scale
    )


RULE = form_rule(
    id="numeric-overflow",
    title=N_("Number with too many digits"),
    mask=marked("numeric"),
    holds=_holds,
    kinds=[("infinite", "{c} IN (9e999, -9e999)")],
    meaning=(
        "PostgreSQL refuses a number that has more digits before the decimal point than numeric(p, s) leaves room for,"
        " as well as Infinity. Django cannot read it either. (SQLite has no NaN: it stores NULL.)"
    ),
    remedy=N_("Correct the numbers in SQLite, or raise max_digits in the model and migrate."),
)
