"""Find lastrowid and last_insert_rowid()."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="last-row-id",
    title=N_("The key of the last row is asked from the cursor"),
    meaning="cursor.lastrowid and last_insert_rowid() are SQLite's. psycopg has no lastrowid.",
    example="cursor.execute('INSERT ...'); key = cursor.lastrowid.",
    instead=N_("Write INSERT ... RETURNING id, which both have (SQLite since 3.35), or create the object by the ORM."),
    detection="PostgreSQL's error, and reading the code.",
    pattern="lastrowid|last_insert_rowid",
)
