"""Drop what slows a load in the incoming schema, and restore it after the load."""

from __future__ import annotations

from migrate_to_pg.staging.drop_indexes import Definition, DroppedObjects, drop_objects, truncate
from migrate_to_pg.staging.restore_indexes import Builders, cancel, restore, validate
from migrate_to_pg.staging.sequences import refresh_views, set_identities
from migrate_to_pg.staging.temporary_defaults import temporary_defaults

__all__ = [
    "Builders",
    "Definition",
    "DroppedObjects",
    "cancel",
    "drop_objects",
    "refresh_views",
    "restore",
    "set_identities",
    "temporary_defaults",
    "truncate",
    "validate",
]
