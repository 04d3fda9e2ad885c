"""Find SQL that SQLite alone reads."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="sqlite-syntax",
    title=N_("SQL that PostgreSQL does not read"),
    meaning="Backticks, LIMIT 2, 3, LIMIT -1, INSERT OR REPLACE, ==, GLOB, IS with a value and AUTOINCREMENT.",
    example="SELECT id FROM shop_book ORDER BY id LIMIT 2, 3.",
    instead=N_(
        "Write standard SQL: LIMIT 3 OFFSET 2, ON CONFLICT DO UPDATE, =, LIKE. Or take the ORM:"
        " bulk_create(update_conflicts=True)."
    ),
    detection="PostgreSQL's error, and SQL in the code that it is asked to prepare.",
    sqlstates=("42601", "2201W", "2201X"),
)
