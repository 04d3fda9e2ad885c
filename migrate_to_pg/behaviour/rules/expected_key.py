"""Find tests that expect a certain primary key."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="expected-key",
    title=N_("A primary key is expected to have a certain value"),
    meaning=(
        "SQLite gives the highest key plus one, and key 1 in an empty table. A sequence of PostgreSQL goes"
        " on, in a transaction that was rolled back too."
    ),
    example="self.assertEqual(Tag.objects.create(label='x').pk, 1).",
    instead=N_("Compare with the key of the row that was made: tag.pk."),
    detection="Reading the code.",
)
