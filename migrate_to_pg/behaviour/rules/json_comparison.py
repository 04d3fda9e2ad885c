"""Find values within JSON that are compared or ordered otherwise."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="json-comparison",
    title=N_("A value within JSON is compared otherwise"),
    meaning=(
        "SQLite takes a value out of JSON as a number or a text, and compares these. PostgreSQL compares jsonb:"
        ' "7" is not 7, and all texts come before all numbers.'
    ),
    example='filter(data__n__gt=5) finds the text "7" on SQLite, and not on PostgreSQL.',
    instead=N_(
        "Store one type under a key. Compare a column of its own, or"
        " Cast(KeyTextTransform('key', 'column'), IntegerField())."
    ),
    detection="The query asked of both databases.",
)
