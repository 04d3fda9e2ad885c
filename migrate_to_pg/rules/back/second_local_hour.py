"""Find moments in the second of two hours that have one local time, where Django stores local times."""

from __future__ import annotations

from psycopg import sql

from migrate_to_pg.i18n import N_
from migrate_to_pg.records import Level, PlannedColumn
from migrate_to_pg.rules.back.back_rule import BackRule, NewFileFacts, of_columns

#: By how much clocks are set back anywhere.
_SHIFTS = ("20 minutes", "30 minutes", "1 hour", "2 hours", "3 hours")
_AGAIN = sql.SQL("({0} AT TIME ZONE {1}) = (({0} - {2}::interval) AT TIME ZONE {1})")


def _condition(column: PlannedColumn, place: sql.Composed, facts: NewFileFacts) -> sql.Composable | None:
    if column.target.type_name != "timestamptz" or facts.zone == "UTC":
        return None
    zone = sql.Literal(facts.zone)
    return sql.SQL(" OR ").join(_AGAIN.format(place, zone, sql.Literal(shift)) for shift in _SHIFTS)


RULE = BackRule(
    id="second-local-hour",
    level=Level.ERROR,
    title=N_("Moments in the second of two hours with one local time"),
    meaning=(
        "With USE_TZ = False Django stores local times on SQLite. When clocks are set back an hour comes twice, and"
        " only the first of both can be written."
    ),
    remedy=N_("Move these moments by an hour on PostgreSQL, or turn USE_TZ on."),
    faults=of_columns(_condition),
)
