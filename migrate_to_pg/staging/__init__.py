"""The incoming schema: once the migrations made it, set aside what slows loading; after the load, put it back."""

from __future__ import annotations

from migrate_to_pg.staging.drop_indexes import Definition, SetAside, empty, set_aside
from migrate_to_pg.staging.restore_indexes import Builders, analyze, restore
from migrate_to_pg.staging.sequences import refresh_views, set_identities
from migrate_to_pg.staging.temporary_defaults import filling

__all__ = [
    "Builders",
    "Definition",
    "SetAside",
    "analyze",
    "empty",
    "filling",
    "refresh_views",
    "restore",
    "set_aside",
    "set_identities",
]
