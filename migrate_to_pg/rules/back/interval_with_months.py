"""Find intervals that are no number of microseconds: those with months or years, and those beyond 64 bits."""

from __future__ import annotations

from psycopg import sql

from migrate_to_pg.i18n import N_
from migrate_to_pg.records import Level
from migrate_to_pg.rules.back.back_rule import BackRule, of_types

#: Infinite intervals, of PostgreSQL 17 and later, have no finite number of seconds either.
_CONDITION = sql.SQL(
    "extract(year FROM {0}) <> 0 OR extract(month FROM {0}) <> 0"
    " OR abs(date_part('epoch', {0})) NOT BETWEEN 0 AND 9.2e12"
)


RULE = BackRule(
    id="interval-with-months",
    level=Level.ERROR,
    title=N_("Intervals that are no number of microseconds"),
    meaning=(
        "A DurationField is a number of microseconds on SQLite. A month has no fixed length, and Django takes it for 30"
        " days; a span beyond 64 bits does not fit at all."
    ),
    remedy=N_("Write these intervals in days on PostgreSQL."),
    faults=of_types({"interval": _CONDITION}),
)
