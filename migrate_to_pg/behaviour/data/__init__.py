"""Ask both databases for the orderings, the searches and the limits of the project's models."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.behaviour.data.collations import Collations
from migrate_to_pg.behaviour.data.compare_orders import compare_order
from migrate_to_pg.behaviour.data.fields import find_in_fields, find_in_relations
from migrate_to_pg.behaviour.data.orderings import orderings, unordered_views
from migrate_to_pg.behaviour.own_models import own_models
from migrate_to_pg.behaviour.project_errors import guarded
from migrate_to_pg.behaviour.records import Occurrence
from migrate_to_pg.behaviour.sides import Sides
from migrate_to_pg.i18n import gettext as _


def find_by_data(sides: Sides, target: str | None, notes: list[str]) -> Iterator[Occurrence]:
    """Yield what differs of each ordering and field. Add what cannot be known to ``notes``."""
    collations = Collations(sides, target)
    in_orderings = (
        found
        for ordering in orderings(sides)
        for found in guarded(str(ordering.place), compare_order(ordering, collations), notes)
    )
    yield from guarded(_("Orderings"), in_orderings, notes)
    yield from guarded(_("Orderings"), unordered_views(sides), notes)
    for model in own_models(sides):
        yield from guarded(model._meta.label, find_in_fields(model, sides), notes)
        yield from guarded(model._meta.label, find_in_relations(model, sides), notes)
    notes += collations.notes()
