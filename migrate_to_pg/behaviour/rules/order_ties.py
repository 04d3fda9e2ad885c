"""Find orderings that leave open which of several rows comes first."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="order-ties",
    title=N_("Rows with equal values have another order"),
    meaning=(
        "An ordering by a column that is not unique leaves the order of equal rows open. SQLite answers by"
        " the key, usually. PostgreSQL answers by the place of the row in the file, which changes with each"
        " update."
    ),
    example="Book.objects.order_by('pages').first().",
    instead=N_("Add the key as the last part: order_by('column', 'pk')."),
    detection="The same ordering asked of both databases, and slices of it in the code.",
)
