"""Find JSON whose keys change their order."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="json-key-order",
    title=N_("The keys of JSON have another order"),
    meaning=(
        "jsonb keeps no order of keys: short keys come first, then the alphabet. SQLite keeps the text as it"
        " was written."
    ),
    example="list(author.data) is ['z', 'name'] on SQLite and ['z', 'n', 'name'] on PostgreSQL.",
    instead=N_("Do not depend on the order: sort keys where they are shown, or store a list."),
    detection="The JSON of both databases.",
)
