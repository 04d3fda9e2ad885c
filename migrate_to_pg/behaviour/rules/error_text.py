"""Find code that compares the text of an error of SQLite's."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="error-text",
    title=N_("The code looks for the text of an error of SQLite"),
    meaning="PostgreSQL says it in other words, and in the language of lc_messages.",
    example="if 'UNIQUE constraint failed' in str(error).",
    instead=N_(
        "Catch the class of the error, and look at error.__cause__.diag.constraint_name where that does not do."
    ),
    detection="Reading the code.",
)
