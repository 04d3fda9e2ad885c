"""Name differences between two answers that no other rule explains."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="other-difference",
    title=N_("The same query has another answer"),
    meaning="The data are equal, and the answers of the two databases are not. The report shows both.",
    example="Any query whose answers differ for a reason that no other rule knows.",
    instead=N_("Compare the two answers, and write the query so that it leaves nothing to the database."),
    detection="The query asked of both databases.",
)
