"""Find orderings in which NULLs stand at the other end."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="order-nulls",
    title=N_("NULLs are at the other end of an ordering"),
    meaning="SQLite orders NULL before everything, PostgreSQL after everything.",
    example="ordering = ['rank'], where rank may be NULL: the first page shows other rows.",
    instead=N_("Say it: F('column').asc(nulls_first=True), or nulls_last."),
    detection="The same ordering asked of both databases.",
)
