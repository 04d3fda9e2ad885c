"""Find text in double quotes, which SQLite alone takes for text."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="double-quoted-text",
    title=N_("Text stands in double quotes"),
    meaning=(
        'Double quotes are for names. SQLite takes "Martin" for text where no column is called so. PostgreSQL'
        " looks for a column."
    ),
    example='SELECT count(*) FROM shop_author WHERE name = "Martin": column "Martin" does not exist.',
    instead=N_("Put text into single quotes, or better into a parameter."),
    detection="PostgreSQL's error, and SQL in the code that it is asked to prepare.",
)
