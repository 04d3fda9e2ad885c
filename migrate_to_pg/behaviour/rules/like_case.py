"""Find LIKE and contains, which ignore the case of ASCII letters on SQLite alone."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="like-case",
    title=N_("A search that distinguishes upper and lower case on PostgreSQL"),
    meaning=(
        "SQLite's LIKE ignores the case of ASCII letters. Django's contains, startswith and endswith are LIKE there."
        " PostgreSQL's LIKE does not."
    ),
    example="Author.objects.filter(name__contains='mart') finds Martin on SQLite and nobody on PostgreSQL.",
    instead=N_("Write icontains, istartswith or iendswith where case does not matter."),
)
