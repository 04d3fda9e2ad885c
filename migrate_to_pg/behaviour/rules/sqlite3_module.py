"""Find uses of Python's module sqlite3 below Django."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="sqlite3-module",
    title=N_("The code uses Python's module sqlite3"),
    meaning=(
        "Django's connection.connection is the driver's. psycopg's has no create_function() and no"
        " row_factory of that kind, and its errors are no sqlite3.Error: an except clause for those"
        " catches nothing."
    ),
    example="except sqlite3.IntegrityError: lets psycopg's error through.",
    instead=N_("Catch django.db.IntegrityError. Write functions as expressions of the ORM."),
    detection="Reading the code.",
)
