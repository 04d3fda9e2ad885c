"""Make the plan from both catalogues: pair tables by name, and columns by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from migrate_to_pg.planning.match_names import match_names
from migrate_to_pg.records import (
    AmbiguousName,
    GenericKey,
    ModelNames,
    Plan,
    PlannedColumn,
    PlannedTable,
    SourceCatalog,
    SourceTable,
    TargetTable,
    Unmade,
    UnmadeTable,
    folded,
)

#: PostgreSQL's table -> its columns -> full names in SQLite, by the models.
_Columns = Mapping[str, Mapping[str, Sequence[str]]]


def make_plan(
    catalog: SourceCatalog,
    targets: Iterable[TargetTable],
    *,
    source_time_zone: str,
    local_times: bool = False,
    models: Mapping[tuple[str, str], str] = MappingProxyType({}),
    generic_keys: tuple[GenericKey, ...] = (),
    views: Collection[str] = (),
    names: Sequence[ModelNames] = (),
    promised: Iterable[TargetTable] = (),
) -> Plan:
    """Pair the tables and the columns of both sides by name.

    Args:
        catalog: SQLite's tables.
        targets: PostgreSQL's tables.
        source_time_zone: The zone of naive text in datetime columns.
        local_times: Whether PostgreSQL gets local times too (USE_TZ is off).
        models: (app label, model name) -> table, kept in the plan.
        generic_keys: Generic foreign keys, kept in the plan.
        views: Names of PostgreSQL's views, where there is a server.
        names: Names of the models' tables on both sides.
        promised: Expected tables of models that nothing makes.
    """
    # Two tables of one name belong to two models that PostgreSQL cannot tell apart, which is ambiguous.
    targets = tuple({target.name: target for target in targets}.values())
    known, columns = _known(names)
    pairs, doubts = match_names([target.name for target in targets], catalog.tables, known)
    doubts = tuple(dict.fromkeys([*called_alike(names), *doubts]))
    doubtful = {name for doubt in doubts for name in doubt.sources}
    unclear = {name for doubt in doubts for name in doubt.targets}
    taken = {source.name for source in pairs.values()} | doubtful
    made = {folded(view) for view in views}
    tables, of_columns = [], list(doubts)
    for target in targets:
        if target.name in pairs:
            table, more = _pair(pairs[target.name], target, columns)
            tables.append(table)
            of_columns += more
    leftovers = tuple(table for table in catalog.tables if table.name not in taken)
    leftover_views = tuple(view for view in catalog.views if folded(view) not in made)
    return Plan(
        tables=tuple(tables),
        leftovers=leftovers,
        leftover_views=leftover_views,
        only_target=tuple(target for target in targets if target.name not in (*pairs, *unclear)),
        source_time_zone=source_time_zone,
        local_times=local_times,
        models=models,
        generic_keys=generic_keys,
        ambiguous_names=tuple(of_columns),
        unmade=tuple(_unmade(names, leftovers, leftover_views, {table.name: table for table in promised}, columns)),
    )


def exact_decimals(table: TargetTable) -> TargetTable:
    """Return the table with every numeric column marked as one that keeps all digits of integers."""
    columns = (replace(column, exact=column.type_name == "numeric") for column in table.columns)
    return replace(table, columns=tuple(columns))


def called_alike(names: Iterable[ModelNames]) -> Iterable[AmbiguousName]:
    """Return tables of several models that PostgreSQL cannot tell apart, since it takes 63 bytes of a name."""
    sources: dict[str, dict[str, str]] = defaultdict(dict)
    for model in names:
        if model.unmade is None:
            sources[model.target][folded(model.source)] = model.source
    for target, found in sources.items():
        if len(found) > 1:
            yield AmbiguousName(table="", sources=tuple(sorted(found.values())), targets=(target,))


def _known(names: Sequence[ModelNames]) -> tuple[dict[str, list[str]], _Columns]:
    tables: dict[str, list[str]] = defaultdict(list)
    columns: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for model in names:
        tables[model.target].append(model.source)
        for source, target in model.columns:
            columns[model.target][target].append(source)
    return tables, columns


def _pair(
    source: SourceTable, target: TargetTable, columns: _Columns
) -> tuple[PlannedTable, tuple[AmbiguousName, ...]]:
    pairs, doubts = match_names(
        [column.name for column in target.columns], source.columns, columns.get(target.name, {}), table=target.name
    )
    known = {column.name for column in pairs.values()} | {name for doubt in doubts for name in doubt.sources}
    unclear = {name for doubt in doubts for name in doubt.targets}
    table = PlannedTable(
        source=source,
        target=target,
        columns=tuple(
            PlannedColumn(source=pairs[column.name], target=column) for column in target.columns if column.name in pairs
        ),
        only_source=tuple(column for column in source.columns if column.name not in known),
        only_target=tuple(column for column in target.columns if column.name not in (*pairs, *unclear)),
    )
    return table, doubts


def _unmade(
    names: Sequence[ModelNames],
    leftovers: Sequence[SourceTable],
    views: Sequence[str],
    promised: Mapping[str, TargetTable],
    columns: _Columns,
) -> Iterable[UnmadeTable]:
    """Yield the leftovers of SQLite that an installed model uses."""
    users: dict[str, list[ModelNames]] = defaultdict(list)
    for model in names:
        if model.is_used:
            users[folded(model.source)].append(model)
    # The content of a virtual table was computed from other rows, and PostgreSQL has no such tables.
    tables = {table.name: table for table in leftovers if table.kind != "virtual"}
    for name in (*tables, *views):
        for model in users.get(folded(name), ())[:1]:
            there, target = tables.get(name), promised.get(model.target)
            yield UnmadeTable(
                name=name,
                models=tuple(user.label for user in users[folded(name)]),
                why=model.unmade or Unmade.LEFT_OUT,
                migration=model.migration,
                table=_pair(there, target, columns)[0] if there and target else None,
            )
