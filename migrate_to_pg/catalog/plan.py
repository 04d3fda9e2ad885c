"""Both catalogues in, the Plan out: tables paired by name, and columns by name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from migrate_to_pg.pairing import paired
from migrate_to_pg.records import GenericKey, Plan, PlannedColumn, PlannedTable, SourceCatalog, SourceTable, TargetTable


def make_plan(
    catalog: SourceCatalog,
    targets: Iterable[TargetTable],
    *,
    source_time_zone: str,
    local_times: bool = False,
    models: Mapping[tuple[str, str], str] = MappingProxyType({}),
    generic_keys: tuple[GenericKey, ...] = (),
    views: Collection[str] = (),
) -> Plan:
    """Pair the tables and the columns of both sides by name; ``models`` and ``generic_keys`` go with the plan.

    ``views`` are the names of PostgreSQL's views, where there is a server.
    """
    targets = tuple(targets)
    pairs = paired([target.name for target in targets], catalog.tables)
    known = {source.name for source in pairs.values()}
    made = {view.lower() for view in views}
    return Plan(
        tables=tuple(_pair(pairs[target.name], target) for target in targets if target.name in pairs),
        leftovers=tuple(table for table in catalog.tables if table.name not in known),
        leftover_views=tuple(view for view in catalog.views if view.lower() not in made),
        only_target=tuple(target for target in targets if target.name not in pairs),
        source_time_zone=source_time_zone,
        local_times=local_times,
        models=models,
        generic_keys=generic_keys,
    )


def exact_decimals(table: TargetTable) -> TargetTable:
    """The table with every numeric column marked as one that keeps all digits of whole numbers."""
    columns = (replace(column, exact=column.type_name == "numeric") for column in table.columns)
    return replace(table, columns=tuple(columns))


def _pair(source: SourceTable, target: TargetTable) -> PlannedTable:
    pairs = paired([column.name for column in target.columns], source.columns)
    known = {column.name for column in pairs.values()}
    return PlannedTable(
        source=source,
        target=target,
        columns=tuple(
            PlannedColumn(source=pairs[column.name], target=column) for column in target.columns if column.name in pairs
        ),
        only_source=tuple(column for column in source.columns if column.name not in known),
        only_target=tuple(column for column in target.columns if column.name not in pairs),
    )
