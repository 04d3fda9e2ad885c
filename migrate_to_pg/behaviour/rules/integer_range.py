"""Find numbers that are too large for their column."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="integer-range",
    title=N_("A number is, or soon will be, too large for its column"),
    meaning=(
        "SQLite stores 64 bits in every integer column. PostgreSQL's integer ends at 2147483647, smallint at 32767."
    ),
    example="Author.objects.create(big=3_000_000_000), where big is an IntegerField.",
    instead=N_("Make it a BigIntegerField, or validate the value."),
    detection="PostgreSQL's error, the highest value of each column, and literals in the code.",
    sqlstates=("22003",),
)
