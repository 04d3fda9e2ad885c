"""Find NUL characters in text."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="nul-character",
    title=N_("Text with a NUL character"),
    meaning="SQLite stores it. PostgreSQL's text cannot hold it.",
    example="Author.objects.create(bio='a\\x00b').",
    instead=N_("Remove it where text comes in: value.replace('\\x00', '')."),
    detection="The driver's error, and literals in the code.",
    sqlstates=("22021", "22P05"),
    pattern="NUL",
)
