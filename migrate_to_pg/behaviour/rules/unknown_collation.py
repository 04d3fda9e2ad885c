"""Find collations that PostgreSQL does not have."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="unknown-collation",
    title=N_("A collation that PostgreSQL does not have"),
    meaning="NOCASE, RTRIM and BINARY are collations of SQLite.",
    example="SELECT name FROM shop_author ORDER BY name COLLATE NOCASE.",
    instead=N_(
        "Order by Lower('column'), or make a collation in a migration: CreateCollation, with db_collation on the field."
    ),
    detection="PostgreSQL's error, SQL in the code that it is asked to prepare, and collations of the models.",
    sqlstates=("42704",),
    pattern="collation",
)
