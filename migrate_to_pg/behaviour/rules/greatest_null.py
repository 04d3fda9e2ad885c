"""Find Greatest and Least over NULL."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="greatest-null",
    title=N_("Greatest or Least meets NULL"),
    meaning="SQLite answers NULL as soon as one value is NULL. PostgreSQL leaves NULLs out.",
    example="Greatest('created', 'edited') where edited is NULL: None on SQLite, created on PostgreSQL.",
    instead=N_("Give NULL a value first: Greatest('first', Coalesce('second', 'first'))."),
    detection="The query asked of both databases.",
)
