"""Find dates and times that Python does not have: infinity, before the year 1, after the year 9999, and 24:00."""

from __future__ import annotations

from psycopg import sql

from migrate_to_pg.i18n import N_
from migrate_to_pg.records import Level
from migrate_to_pg.rules.back.back_rule import BackRule, of_types

_CONDITIONS = {
    "date": sql.SQL("{0} NOT BETWEEN '0001-01-01' AND '9999-12-31'"),
    "timestamp": sql.SQL("{0} NOT BETWEEN '0001-01-01' AND '9999-12-31 23:59:59.999999'"),
    # The time as it is written, in the file's zone.
    "timestamptz": sql.SQL("({0} AT TIME ZONE {1}) NOT BETWEEN '0001-01-01' AND '9999-12-31 23:59:59.999999'"),
    "time": sql.SQL("{0} = '24:00'"),
}


RULE = BackRule(
    id="date-out-of-range",
    level=Level.ERROR,
    title=N_("Dates and times that Python does not have"),
    meaning=(
        "PostgreSQL has infinite dates, dates before Christ and after the year 9999, and the time 24:00. Django reads"
        " SQLite's dates as Python's, from the year 1 to the year 9999, and fails for any other."
    ),
    remedy=N_("Set these values to NULL, or to a date from the year 1 to the year 9999, on PostgreSQL."),
    faults=of_types(_CONDITIONS),
)
