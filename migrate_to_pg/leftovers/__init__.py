"""Carry the tables and views that no migration knows, with types taken from their values.

``read`` puts what is to be carried into a working file (``working``), judged by all of its rows (``contents``,
``columns``), under names that PostgreSQL takes (``names``). ``make_tables`` makes the tables on PostgreSQL, and
``plan_for`` pairs both, for the load that all other tables have. Indexes, foreign keys and triggers stay behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from migrate_to_pg.leftovers.create_tables import make_tables
from migrate_to_pg.leftovers.staging_file import StagingFile, view_place
from migrate_to_pg.leftovers.volatile_views import changes_by_itself
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
    "Read", "StagingFile", "are_there", "changes_by_itself", "make_tables", "plan_for", "read", "size", "view_place",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What was read of the snapshot."""

    tables: tuple[LeftoverTable, ...]
    #: The working file, a SQLite database.
    path: Path
    #: View -> SQLite's complaint, where it could not be read.
    unread: dict[str, str]
    #: Table -> the number of columns that it would have, where PostgreSQL takes none of so many.
    wide: dict[str, int]


def are_there(plan: Plan) -> bool:
    """Whether there is anything to carry."""
    return bool(_ordinary(plan) or _views(plan))


def size(plan: Plan, most: int) -> int:
    """About the bytes of the working file; of a snapshot of ``most`` bytes the tables take no more."""
    return min(most, sum(table.rows * (table.largest_row or most) for table in _ordinary(plan)))


def _ordinary(plan: Plan) -> list[SourceTable]:
    """Virtual tables hold nothing themselves, and what their modules keep is for the modules alone."""
    return [table for table in plan.leftovers if table.kind == "table" and not table.unreadable]


def _views(plan: Plan) -> list[str]:
    return [view for view in plan.leftover_views if view not in plan.excluded_leftovers]


def read(plan: Plan, catalog: SourceCatalog, snapshot: Path, path: Path) -> Read:
    """Everything to carry, in a file at ``path``; raises SourceError where SQLite cannot read a table."""
    with StagingFile(snapshot, path, rows=sum(table.rows for table in catalog.tables)) as file:
        tables = {t.name: file.table(t, excluded=t.name in plan.excluded_leftovers) for t in _ordinary(plan)}
        file.without_substitutes()
        views = {name: file.view(name, catalog.views[name]) for name in _views(plan)}
    carried = (found for found in (*tables.values(), *views.values()) if isinstance(found, LeftoverTable))
    unread = {name: view for name, view in views.items() if isinstance(view, str)}
    wide = {name: columns for name, columns in tables.items() if isinstance(columns, int)}
    return Read(tables=tuple(carried), path=path, unread=unread, wide=wide)


def plan_for(tables: Iterable[LeftoverTable], targets: Iterable[TargetTable], *, source_time_zone: str) -> Plan:
    """The working file's tables paired with PostgreSQL's; those that are to stay empty are ``excluded``."""
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
