"""Find SQL whose values are of another Python type."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="raw-value-type",
    title=N_("Raw SQL gives values of another Python type"),
    meaning=(
        "A cursor gives what the driver makes of it. For decimals, averages and round() SQLite gives float,"
        " PostgreSQL Decimal. For dates and times SQLite gives text, PostgreSQL datetime."
    ),
    example=(
        "cursor.execute('SELECT sum(price) FROM shop_author'): 1234.5 is a float on SQLite,"
        " Decimal('1234.50') on PostgreSQL."
    ),
    instead=N_(
        "Let the ORM ask: aggregate(Sum('column')). Or convert what the cursor gives: Decimal(str(value)),"
        " parse_datetime()."
    ),
    detection="SQL in the code: PostgreSQL tells the types of its answer without running it.",
)
