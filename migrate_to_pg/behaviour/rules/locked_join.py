"""Find FOR UPDATE over an outer join, DISTINCT or an aggregate."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="locked-join",
    title=N_("FOR UPDATE cannot lock these rows"),
    meaning=(
        "PostgreSQL locks no rows of the nullable side of an outer join, and none of a DISTINCT or grouped"
        " query. SQLite ignores FOR UPDATE."
    ),
    example="Book.objects.select_related('author').select_for_update(), where author may be NULL.",
    instead=N_(
        "Name the tables to lock: select_for_update(of=('self',)). Lock the rows first and aggregate afterwards."
    ),
    detection="PostgreSQL's error, and querysets in the code that it is asked to prepare.",
    sqlstates=("0A000",),
    pattern="FOR (NO KEY )?UPDATE",
)
