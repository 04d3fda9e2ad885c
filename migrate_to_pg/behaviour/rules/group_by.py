"""Find columns beside an aggregate that GROUP BY does not name."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="group-by",
    title=N_("A column is neither grouped nor aggregated"),
    meaning="SQLite takes the value of any row of the group. PostgreSQL refuses the statement.",
    example="SELECT author_id, title, count(*) FROM shop_book GROUP BY author_id.",
    instead=N_("Name the column in GROUP BY, or aggregate it: min(column)."),
    detection="PostgreSQL's error, and SQL in the code that it is asked to prepare.",
    sqlstates=("42803",),
)
