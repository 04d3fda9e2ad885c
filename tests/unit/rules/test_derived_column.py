"""A column that is text on SQLite and tsvector on PostgreSQL: left out of the plan, and named."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from migrate_to_pg.planning import make_plan
from migrate_to_pg.planning.derived_columns import leave_out_derived
from migrate_to_pg.records import (
    Level,
    Plan,
    SourceCatalog,
    SourceColumn,
    SourceTable,
    TargetColumn,
    TargetTable,
    TargetUnique,
)
from migrate_to_pg.rules.schema import derived_column


def planned(declared: str, *, primary_key: str = "id", **search: Any) -> Plan:
    sources = [
        SourceColumn(name=name, declared_type=kind, not_null=False, key_position=0, generated=False)
        for name, kind in (("id", "integer"), ("title", "text"), ("search", declared))
    ]
    table = SourceTable(name="entry", sql="", columns=tuple(sources), foreign_keys=(), rows=3)
    columns = [
        TargetColumn(name=name, type_name=kind, type_sql=kind, not_null=True)
        for name, kind in (("id", "int8"), ("title", "text"), ("search", "tsvector"))
    ]
    columns[2] = dataclasses.replace(columns[2], **search)
    key = TargetUnique(name="entry_pkey", columns=(primary_key,), primary=True)
    target = TargetTable(name="entry", columns=tuple(columns), primary_key=(primary_key,), uniques=(key,))
    return leave_out_derived(make_plan(SourceCatalog(tables=(table,)), [target], source_time_zone="UTC"))


@pytest.mark.parametrize(
    ("column", "value", "filled"),
    [
        ({}, "gets the empty value in 3 rows", [("entry", "search", "")]),
        ({"not_null": False}, "gets NULL in 3 rows", []),
        ({"has_default": True}, "gets PostgreSQL's default in 3 rows", []),
    ],
)
def test_it_is_left_out_with_a_warning_that_says_what_it_gets_and_what_fills_it(
    column: dict[str, Any], value: str, filled: list[tuple[str, str, str]]
) -> None:
    plan = planned("text", **column)
    (finding,) = derived_column.left_out(plan)
    assert (finding.table, finding.column, finding.level, finding.count) == ("entry", "search", Level.WARNING, 3)
    assert value in finding.explanation
    assert "manage.py update_index" in finding.remedy
    assert """UPDATE "entry" SET "search" = to_tsvector(coalesce("title", ''));""" in finding.remedy
    assert "--exclude-data entry" in finding.remedy
    assert [c.name for c in plan.tables[0].columns] == ["id", "title"]
    assert list(derived_column.filled(plan)) == filled


@pytest.mark.parametrize(
    ("declared", "more"),
    [("tsvector", {}), ("TSVector", {}), ("text", {"generated": True}), ("text", {"primary_key": "search"})],
)
def test_a_tsvector_of_both_a_computed_one_and_a_key_are_as_any_other(declared: str, more: dict[str, object]) -> None:
    plan = planned(declared, **more)  # type: ignore[arg-type]
    assert list(derived_column.left_out(plan)) == []
    assert [c.name for c in plan.tables[0].columns] == ["id", "title", "search"]
