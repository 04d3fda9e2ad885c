"""Find decimals of which SQLite, or Django on it, would lose digits."""

from __future__ import annotations

from psycopg import sql

from migrate_to_pg.i18n import N_
from migrate_to_pg.records import Level, PlannedColumn
from migrate_to_pg.rules.back.back_rule import BackRule, NewFileFacts, of_columns

#: Digits of a decimal that SQLite's REAL keeps, as Django reads it.
_DIGITS = 15
#: The digits between the first and the last that is not zero. Beyond the size of a double, all are lost.
_LOST = sql.SQL(
    "{0} NOT IN ('NaN', 'Infinity', '-Infinity') AND {0} <> 0"
    " AND (length(trim(both '0' FROM replace(trim_scale(abs({0}))::text, '.', ''))) > 15"
    " OR abs({0}) NOT BETWEEN 1e-290 AND 1e300)"
)
#: Of whole numbers an INTEGER keeps 64 bits, where Django reads all of them.
_UNLESS_WHOLE = sql.SQL(" AND NOT abs({0}) <= 9223372036854775807")


def _condition(column: PlannedColumn, place: sql.Composed, _facts: NewFileFacts) -> sql.Composable | None:
    target = column.target
    if target.type_name != "numeric":
        return None
    if target.precision is not None and target.scale is not None and 0 <= target.scale <= target.precision <= _DIGITS:
        return None
    lost = _LOST.format(place)
    return lost + _UNLESS_WHOLE.format(place) if target.exact and target.scale == 0 else lost


RULE = BackRule(
    id="decimal-digits",
    level=Level.ERROR,
    title=N_("Decimals of more than 15 digits"),
    meaning=(
        "SQLite has no decimals: it keeps them as REAL, of which Django reads 15 significant digits. A number with more"
        " would come back as another one. Since Django 6.1 whole numbers of 64 bits are read exactly."
    ),
    remedy=N_("Round these values on PostgreSQL, or keep the column as text by a migration."),
    faults=of_columns(_condition),
)
