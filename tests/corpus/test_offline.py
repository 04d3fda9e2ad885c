"""Every database of the corpus as --check and sqlite_doctor judge it, without a server: by what the models promise."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from migrate_to_pg.examine import examine
from migrate_to_pg.planning import make_plan, read_source, read_target
from migrate_to_pg.planning.derived_columns import leave_out_derived
from migrate_to_pg.planning.expected_schema import tables_of
from migrate_to_pg.records import Finding, GenericKey, TargetTable
from tests.conftest import SERVER_VERSIONS, Server
from tests.corpus import Case, as_found
from tests.corpus.promised import models_of
from tests.corpus.test_corpus import ALL

#: Django's index for LIKE is made for fields of its own kinds, which the models made from tables have not.
_NO_LIKE = "index for LIKE of long texts"
#: What PostgreSQL refuses although no rule knows why, and what a type of somebody's own is, a server alone can tell.
_OF_A_SERVER = ("refused-row", "unknown-type")
CASES = [case for case in ALL if case.name != _NO_LIKE]


@pytest.fixture(scope="module")
def database(servers: dict[int, Server]) -> str:
    return servers[SERVER_VERSIONS[0]].database()


def staged(url: str, case: Case) -> tuple[TargetTable, ...]:
    """The tables as PostgreSQL would have them."""
    with psycopg.connect(url) as connection:
        connection.execute(case.target.encode())
        tables = read_target(connection, "public")
        connection.rollback()
    return tables


def judged(path: Path, case: Case, tables: tuple[TargetTable, ...]) -> tuple[Finding, ...]:
    catalog = read_source(path)
    keys = tuple(GenericKey(table=t, content_type_column=kind, object_column=row) for t, kind, row in case.generic_keys)
    plan = make_plan(catalog, tables, source_time_zone=case.time_zone, models=case.models, generic_keys=keys)
    plan = dataclasses.replace(leave_out_derived(plan), system_checks=case.system_checks, offline=True)
    return examine(plan, catalog, path, accepted=frozenset(), progress=lambda _: None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_the_models_alone_tell_the_same(case: Case, database: str, tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as source:
        source.executescript(case.source)
    promised = tables_of(models_of(staged(database, case), case.constraint))
    found = judged(path, case, promised)
    expected = [one for one in case.finds if one.rule not in _OF_A_SERVER]
    assert sorted(map(as_found, found)) == sorted(expected), [finding.explanation for finding in found]
