"""Find slices and pages of rows without an order."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="unordered",
    title=N_("A slice of rows without an order"),
    meaning=(
        "SQLite reads by key, usually. PostgreSQL reads in the order of the file: an updated row comes last,"
        " and a page may show a row twice."
    ),
    example="Book.objects.all()[:10], Paginator(Book.objects.all(), 10).",
    instead=N_("Order it: order_by('pk'), or ordering in Meta."),
    detection=(
        "The rows of both databases, and reading the code for slices, first() and pages of a model without an ordering."
    ),
)
