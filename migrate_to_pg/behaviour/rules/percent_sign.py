"""Find a % in SQL with parameters that is no placeholder."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="percent-sign",
    title=N_("A percent sign in SQL that has parameters"),
    meaning=(
        "Where parameters are given, an empty list too, psycopg takes each % for the begin of a placeholder."
        " Django's backend for SQLite lets a single % pass."
    ),
    example="cursor.execute(\"SELECT 1 FROM t WHERE name LIKE 'a%'\", []).",
    instead=N_("Write %% in SQL with parameters, or give the pattern as a parameter."),
    detection="The driver's error.",
    pattern="are allowed as placeholders|incomplete placeholder",
)
