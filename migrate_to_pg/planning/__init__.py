"""Plan what is moved: pair SQLite's tables and columns with PostgreSQL's.

The plan is driven by PostgreSQL's catalogue, not by models: tables are paired by name and columns by name, so
many-to-many tables, historical tables and those of third-party applications are included without being named.
"""

from __future__ import annotations

from migrate_to_pg.planning.plan import called_alike, exact_decimals, make_plan
from migrate_to_pg.postgres.schema import read_target, view_names, with_sqlite_sql
from migrate_to_pg.sqlite.schema import read_made, read_source

__all__ = [
    "called_alike",
    "exact_decimals",
    "make_plan",
    "read_made",
    "read_source",
    "read_target",
    "view_names",
    "with_sqlite_sql",
]
