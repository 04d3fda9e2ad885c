"""Find PRAGMA and the catalogue of SQLite."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="sqlite-catalogue",
    title=N_("PRAGMA, or a table of SQLite's own"),
    meaning="sqlite_master, sqlite_sequence and PRAGMA exist in SQLite alone.",
    example="PRAGMA table_info(shop_book). SELECT name FROM sqlite_master.",
    instead=N_(
        "Ask Django: connection.introspection.table_names() and get_table_description(). Run a PRAGMA only"
        " where connection.vendor is 'sqlite'."
    ),
    detection="PostgreSQL's error, and SQL in the code that it is asked to prepare.",
)
