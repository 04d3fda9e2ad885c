"""Find tables that PostgreSQL does not have."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="unknown-table",
    title=N_("A table that PostgreSQL does not have"),
    meaning=(
        "A table that no migration makes is moved to the schema sqlite_leftovers. A table of an attached"
        " database is not there."
    ),
    example="SELECT * FROM old_import, a table made by hand.",
    instead=N_("Make a model of the table, with a migration, or name its schema."),
    detection="PostgreSQL's error, and SQL in the code that it is asked to prepare.",
    sqlstates=("42P01",),
)
