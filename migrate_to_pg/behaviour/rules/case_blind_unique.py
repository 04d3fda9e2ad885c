"""Find columns in which SQLite alone takes upper and lower case for equal."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="case-blind-unique",
    title=N_("SQLite takes upper and lower case for equal, PostgreSQL does not"),
    meaning=(
        "With the collation NOCASE Martin equals martin on SQLite, in =, in UNIQUE and in an ordering. On"
        " PostgreSQL they are two values, and both pass the constraint."
    ),
    example="email = models.CharField(unique=True, db_collation='NOCASE').",
    instead=N_("Add UniqueConstraint(Lower('column'), name=...), or a nondeterministic collation by CreateCollation."),
    detection="The collations of the models and of SQLite's tables and indexes.",
)
