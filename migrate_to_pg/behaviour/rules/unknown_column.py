"""Find names that PostgreSQL does not know where SQLite does."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="unknown-column",
    title=N_("A name that PostgreSQL does not know there"),
    meaning=(
        "PostgreSQL knows no rowid, does not know an alias of SELECT in WHERE and HAVING, and reads a name"
        " without quotes in lower case."
    ),
    example=(
        'SELECT pages * 2 AS dbl FROM shop_book WHERE dbl > 20: column "dbl" does not exist. camelCase'
        " without quotes is camelcase."
    ),
    instead=N_(
        "Repeat the expression or use a subquery. Use the primary key, not rowid. Quote a name with capitals,"
        " or take the ORM."
    ),
    detection="PostgreSQL's error, and SQL in the code that it is asked to prepare.",
    sqlstates=("42703",),
)
