"""Find code that asks which database it runs on."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="vendor-branch",
    title=N_("The code asks which database it runs on"),
    meaning="The branch for PostgreSQL was never executed on SQLite.",
    example="if connection.vendor == 'sqlite': ... else: ...",
    instead=N_(
        "Nothing has to change where the other branch is right. Run the tests on PostgreSQL: pg_behaviour --tests."
    ),
    detection="Reading the code.",
)
