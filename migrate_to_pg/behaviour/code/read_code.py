"""Look by the way "code"."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.behaviour.code.connections import find_in_connections
from migrate_to_pg.behaviour.code.files import find_in_files
from migrate_to_pg.behaviour.code.keys import find_in_keys
from migrate_to_pg.behaviour.code.queryset_findings import find_in_querysets
from migrate_to_pg.behaviour.code.sources import own_sources, unread_files
from migrate_to_pg.behaviour.code.sql_findings import find_in_sql
from migrate_to_pg.behaviour.code.sqlite_driver import find_in_driver
from migrate_to_pg.behaviour.code.transactions import find_in_transactions
from migrate_to_pg.behaviour.project_errors import guarded
from migrate_to_pg.behaviour.records import Occurrence, Place
from migrate_to_pg.behaviour.sides import Sides
from migrate_to_pg.i18n import gettext as _


def find_by_code(sides: Sides, unjudged: list[Place], notes: list[str]) -> Iterator[Occurrence]:
    """Yield what PostgreSQL would refuse or answer otherwise. Add lines that it cannot judge to ``unjudged``."""
    sources = own_sources()
    notes += unread_files()
    parts = {
        _("SQL"): find_in_sql(sources, sides, unjudged, notes),
        _("Querysets"): find_in_querysets(sources, sides, notes),
        _("Transactions"): find_in_transactions(sources),
        _("Keys"): find_in_keys(sources),
        _("Files"): find_in_files(sources),
        _("Driver"): find_in_driver(sources),
        _("Connections"): find_in_connections(sources),
    }
    for what, found in parts.items():
        yield from guarded(what, found, notes)
