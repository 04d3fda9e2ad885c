"""Look by the way "code"."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.behaviour.code.files import find_in_files
from migrate_to_pg.behaviour.code.keys import find_in_keys
from migrate_to_pg.behaviour.code.queryset_findings import find_in_querysets
from migrate_to_pg.behaviour.code.sources import own_sources
from migrate_to_pg.behaviour.code.sql_findings import find_in_sql
from migrate_to_pg.behaviour.code.transactions import find_in_transactions
from migrate_to_pg.behaviour.records import Occurrence, Place
from migrate_to_pg.behaviour.sides import Sides


def find_by_code(sides: Sides, unjudged: list[Place]) -> Iterator[Occurrence]:
    """Yield what PostgreSQL would refuse or answer otherwise. Add lines that it cannot judge to ``unjudged``."""
    sources = own_sources()
    yield from find_in_sql(sources, sides, unjudged)
    yield from find_in_querysets(sources, sides)
    yield from find_in_transactions(sources)
    yield from find_in_keys(sources)
    yield from find_in_files(sources)
