"""Find searches without case over letters beyond ASCII."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="case-of-all-letters",
    title=N_("A search without case finds more on PostgreSQL"),
    meaning=(
        "SQLite ignores the case of ASCII letters alone, in iexact, icontains, LOWER and UPPER. PostgreSQL"
        " ignores that of all letters: É is é."
    ),
    example="filter(name__icontains='éric') finds Éric on PostgreSQL alone.",
    instead=N_(
        "Nothing has to change where this is wanted. Check places that rely on finding one row, and unique names."
    ),
    detection="Columns with such letters that the code or the admin searches without case.",
)
