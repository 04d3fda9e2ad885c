"""Name errors that no other rule explains."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="other-error",
    title=N_("Another error of PostgreSQL"),
    meaning="PostgreSQL refused what SQLite took. Its message says why.",
    example="Any statement whose error no other rule knows.",
    instead=N_("Read PostgreSQL's message, and try the statement: manage.py migrate_to_pg --try dbshell."),
    detection="PostgreSQL's error.",
)
