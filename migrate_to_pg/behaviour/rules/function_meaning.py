"""Find functions that exist on both databases and answer otherwise."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="function-meaning",
    title=N_("A function that answers otherwise on PostgreSQL"),
    meaning=(
        "random() is a 64-bit integer on SQLite, a fraction below 1 on PostgreSQL. round(2.5) is 3 on both"
        " for decimals, but 2 for floats on PostgreSQL. CAST of 2.7 to integer is 2 on SQLite, 3 on"
        " PostgreSQL. A negative start of substr counts from the end on SQLite alone."
    ),
    example="SELECT count(*) FROM shop_author WHERE abs(random()) > 10.",
    instead=N_("Write what means the same on both: compute it in Python, or use the ORM's functions."),
    detection="SQL in the code, as sqlglot reads it.",
)
