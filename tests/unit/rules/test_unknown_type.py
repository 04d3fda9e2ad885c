"""A type of which nobody has tried what PostgreSQL keeps of a text."""

from __future__ import annotations

import dataclasses

import pytest

from migrate_to_pg.records import Level, TargetTable
from tests.unit.rules.examined import check_finds, check_healthy, column, table

ROWS = "CREATE TABLE t (id integer PRIMARY KEY, v text); INSERT INTO t VALUES (1, NULL), (7, '(1,a)');"


def target(type_name: str, element: str) -> TargetTable:
    made = table("t", "id bigint", "v point NULL")
    own = dataclasses.replace(column("v point NULL"), type_name=type_name, type_sql=type_name, element=element)
    return dataclasses.replace(made, columns=(made.columns[0], own))


@pytest.mark.parametrize(
    ("type_name", "element"), [("pair", "composite"), ("geometry", "geometry"), ("_pair", "composite")]
)
def test_a_value_for_it_stops_the_run_and_names_the_type(type_name: str, element: str) -> None:
    finding = check_finds("unknown-type", ROWS, target(type_name, element))
    assert (finding.level, finding.column, finding.count) == (Level.ERROR, "v", 1)
    assert [(dict(sample.key), sample.value) for sample in finding.samples] == [({"id": "7"}, "'(1,a)'")]
    assert f"PostgreSQL's column is {type_name}." in finding.explanation
    assert "--exclude-data t" in finding.remedy


def test_a_column_of_nulls_and_an_enum_of_the_projects_own_do_not() -> None:
    check_healthy(ROWS + "UPDATE t SET v = NULL;", target("pair", "composite"))
    check_healthy(ROWS, target("mood", "enum"))
