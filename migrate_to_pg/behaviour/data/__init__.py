"""Ask both databases for the orderings, the searches and the limits of the project's models."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.behaviour.data.collations import Collations
from migrate_to_pg.behaviour.data.compare_orders import compare_order
from migrate_to_pg.behaviour.data.fields import find_in_fields
from migrate_to_pg.behaviour.data.orderings import orderings
from migrate_to_pg.behaviour.data.relations import find_in_relations
from migrate_to_pg.behaviour.records import Occurrence
from migrate_to_pg.behaviour.sides import Sides


def find_by_data(sides: Sides, target: str | None, notes: list[str]) -> Iterator[Occurrence]:
    """Yield what differs of each ordering and field. Add what cannot be known to ``notes``."""
    collations = Collations(sides, target)
    for ordering in orderings(sides):
        yield from compare_order(ordering, sides, collations)
    yield from find_in_fields(sides)
    yield from find_in_relations(sides)
    notes += collations.notes()
