"""Find rows that are made with an explicit primary key."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="explicit-key",
    title=N_("A row is made with an explicit primary key"),
    meaning=(
        "SQLite continues after the highest key. PostgreSQL's sequence does not know of keys that were given"
        " by hand: it gives the same ones later, and the insert fails."
    ),
    example="Author.objects.create(id=1000), later Author.objects.create() gets 1000 as well.",
    instead=N_(
        "Let the database give keys. Where they are given by hand, as in fixtures, run what manage.py"
        " sqlsequencereset prints."
    ),
    detection="Reading the code and the fixtures.",
)
