"""Find text where a number or a date is wanted."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="literal-of-another-type",
    title=N_("Text stands where a number or a date is wanted"),
    meaning=(
        "SQLite takes any text for any column. PostgreSQL reads it as a value of the type, and refuses what is none."
    ),
    example="Coalesce('rank', Value('none')): invalid input syntax for type integer.",
    instead=N_(
        "Convert the column first: Coalesce(Cast('column', CharField()), Value('none')). Check text before it"
        " is compared with a number."
    ),
    detection="PostgreSQL's error, and SQL and querysets in the code that it is asked to prepare.",
    sqlstates=("22P02", "22007", "22008"),
)
