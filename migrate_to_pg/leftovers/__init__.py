"""Move leftovers: tables and views that no migration makes, with types inferred from their values.

``extract`` copies them to a staging file (``staging_file``), with types that all their rows allow (``infer_types``).
``make_tables`` creates the tables on PostgreSQL, under names that it accepts (``create_tables``), and ``plan_for``
pairs both for the usual load. Indexes, foreign keys and triggers are not moved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from migrate_to_pg.leftovers.create_tables import make_tables
from migrate_to_pg.leftovers.staging_file import StagingFile, is_volatile, view_table_name
from migrate_to_pg.project.secret_columns import hide_as
from migrate_to_pg.records import (
    LeftoverTable,
    Plan,
    PlannedColumn,
    PlannedTable,
    SourceCatalog,
    SourceColumn,
    SourceTable,
    TargetTable,
)

__all__ = [
    "StagingFile",
    "extract",
    "has_any",
    "is_volatile",
    "make_tables",
    "plan_for",
    "size",
    "view_table_name",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedLeftovers:
    """The leftovers of a snapshot in a staging file."""

    tables: tuple[LeftoverTable, ...]
    #: The staging file, a SQLite database.
    path: Path
    #: SQLite's error for each view that could not be read.
    unread: dict[str, str]
    #: Number of columns of each table that would have more than PostgreSQL allows.
    wide: dict[str, int]


def has_any(plan: Plan) -> bool:
    """Return whether there are leftovers to move."""
    return bool(_ordinary(plan) or _views(plan))


def size(plan: Plan, snapshot_bytes: int) -> int:
    """Estimate the bytes of the staging file. ``snapshot_bytes`` is the size of the snapshot, which limits it."""
    return min(snapshot_bytes, sum(table.rows * (table.largest_row or snapshot_bytes) for table in _ordinary(plan)))


def _ordinary(plan: Plan) -> list[SourceTable]:
    """Return the ordinary tables. Virtual tables have no rows, and their modules' tables are of no other use."""
    return [table for table in plan.leftovers if table.kind == "table" and not table.unreadable]


def _views(plan: Plan) -> list[str]:
    return [view for view in plan.leftover_views if view not in plan.excluded_leftovers]


def extract(plan: Plan, catalog: SourceCatalog, snapshot: Path, path: Path) -> ExtractedLeftovers:
    """Copy all leftovers to a file at ``path``. Raise SourceError if SQLite cannot read a table."""
    with StagingFile(snapshot, path, rows=sum(table.rows for table in catalog.tables)) as file:
        tables = {t.name: file.table(t, excluded=t.name in plan.excluded_leftovers) for t in _ordinary(plan)}
        file.remove_substitutes()
        views = {name: file.view(name, catalog.views[name]) for name in _views(plan)}
    made = [found for found in (*tables.values(), *views.values()) if isinstance(found, LeftoverTable)]
    for table in made:
        for column in table.columns:
            hide_as(table.source, column.source, table_there=table.name, column_there=column.name)
    unread = {name: view for name, view in views.items() if isinstance(view, str)}
    wide = {name: columns for name, columns in tables.items() if isinstance(columns, int)}
    return ExtractedLeftovers(tables=tuple(made), path=path, unread=unread, wide=wide)


def plan_for(tables: Iterable[LeftoverTable], targets: Iterable[TargetTable], *, source_time_zone: str) -> Plan:
    """Pair the staging file's tables with PostgreSQL's. Tables that are to stay empty become ``excluded``."""
    by_name = {target.name: target for target in targets}
    pairs = [(table, _pair(table, by_name[table.name])) for table in tables if table.name in by_name]
    return Plan(
        tables=tuple(pair for table, pair in pairs if not table.excluded),
        excluded=tuple(pair for table, pair in pairs if table.excluded),
        source_time_zone=source_time_zone,
    )


def _pair(table: LeftoverTable, target: TargetTable) -> PlannedTable:
    sources = {
        column.name: SourceColumn(name=column.name, declared_type="", not_null=False, key_position=0, generated=False)
        for column in table.columns
    }
    return PlannedTable(
        source=SourceTable(
            name=table.name,
            sql="",
            columns=tuple(sources.values()),
            foreign_keys=(),
            rows=table.rows,
            largest_row=table.largest_row,
        ),
        target=target,
        columns=tuple(PlannedColumn(source=sources[c.name], target=c) for c in target.columns if c.name in sources),
        only_source=tuple(source for name, source in sources.items() if name not in {c.name for c in target.columns}),
        only_target=tuple(c for c in target.columns if c.name not in sources),
    )
