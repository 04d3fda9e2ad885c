"""Find text that is too long for its column."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="text-length",
    title=N_("Text is, or soon will be, too long for its column"),
    meaning="SQLite ignores max_length. PostgreSQL refuses longer text.",
    example="Author.objects.create(name='x' * 21), where name has max_length=20.",
    instead=N_("Raise max_length, or validate the value: save() alone does not."),
    detection="PostgreSQL's error, and the longest value of each column.",
    sqlstates=("22001",),
)
