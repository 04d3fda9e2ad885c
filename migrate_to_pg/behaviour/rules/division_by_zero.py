"""Find divisions by zero."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="division-by-zero",
    title=N_("A division by zero"),
    meaning="SQLite answers NULL. PostgreSQL stops the query.",
    example="annotate(each=F('price') / F('pages')), where pages may be 0: division by zero.",
    instead=N_("Make the divisor NULL first: F('column') / NullIf('divisor', 0)."),
    detection="PostgreSQL's error.",
    sqlstates=("22012",),
)
