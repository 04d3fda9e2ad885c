"""Find functions that PostgreSQL does not have."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="unknown-function",
    title=N_("A function that PostgreSQL does not have"),
    meaning=(
        "SQLite has functions of its own: ifnull, group_concat, strftime, datetime, instr, printf, total, min"
        " and max of several values. PostgreSQL has others, and takes arguments of the declared types alone."
    ),
    example=("SELECT ifnull(rank, 0) FROM shop_author: an error on PostgreSQL. coalesce(rank, 0) is the same on both."),
    instead=N_(
        "Use what both have (coalesce, count, substr, CASE), or the ORM's functions: Coalesce, StringAgg,"
        " Greatest, TruncDate."
    ),
    detection="PostgreSQL's error, and SQL in the code that it is asked to prepare.",
    sqlstates=("42883",),
    pattern="^function ",
)
