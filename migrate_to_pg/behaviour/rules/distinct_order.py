"""Find DISTINCT that is ordered by what it does not select."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="distinct-order",
    title=N_("DISTINCT is ordered by what is not selected"),
    meaning="PostgreSQL orders distinct rows only by what they hold.",
    example="SELECT DISTINCT pages FROM shop_book ORDER BY title.",
    instead=N_("Select what it is ordered by, or order by what is selected."),
    detection="PostgreSQL's error, and SQL and querysets in the code that it is asked to prepare.",
    sqlstates=("42P10",),
)
