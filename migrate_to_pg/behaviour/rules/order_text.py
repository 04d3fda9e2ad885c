"""Find orderings and comparisons of text that follow another collation."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="order-text",
    title=N_("Text is ordered by another collation"),
    meaning=(
        "SQLite orders text by code points: Z before a. A database of PostgreSQL orders by its collation, in"
        " most installations that of a language: a, É, Z. Comparisons with < and > follow it."
    ),
    example="Author.objects.order_by('name').",
    instead=N_(
        "Order by Collate('column', 'C') to keep SQLite's order, or accept that of the language. db_collation"
        " on the field does it for every query."
    ),
    detection="The same ordering asked of both databases, by the collation of the target.",
)
