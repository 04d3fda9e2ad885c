"""Every database of the corpus: exactly the findings that it states, and the way to its end on a real server."""

from __future__ import annotations

import collections
import sqlite3
import sys
from contextlib import closing

import psycopg
import pytest

from migrate_to_pg.records import (
    LEFTOVERS,
    Finding,
    Level,
    Report,
)
from migrate_to_pg.rules import RULES
from migrate_to_pg.sqlite.connection import quote_name
from tests.corpus import Case, as_found, one_of_each_rule
from tests.corpus.conftest import Move
from tests.corpus.generic import CASES as GENERIC
from tests.corpus.generic import HEALTHY as HEALTHY_GENERIC
from tests.corpus.healthy import CASES as HEALTHY
from tests.corpus.schema import CASES as SCHEMA
from tests.corpus.sets import CASES as SETS
from tests.corpus.types import CASES as TYPES
from tests.corpus.values import CASES as VALUES
from tests.tiers import first_in_ci, these_in_ci

DAMAGED = [*VALUES, *TYPES, *SETS, *SCHEMA, *GENERIC]
ALL = [*DAMAGED, *HEALTHY, *HEALTHY_GENERIC]


#: They ask the project's models or settings, of which a case has none; and Python's own stack, up to 3.11.
OF_THE_PROJECT = {"unmade-model-table", "missing-on-postgresql", "offset-dropped"}
OF_THE_PROJECT |= {"json-depth"} if sys.version_info >= (3, 12) else set()
#: Every repair, the lossy ones named.
EVERY_REPAIR = tuple(rule.id for rule in RULES if rule.repair)
EVERY_ROW = tuple(rule.id for rule in RULES if rule.names_rows)


#: Without a server, test_offline judges all of them in every tier.
JUDGED = [*these_in_ci(DAMAGED, *one_of_each_rule(DAMAGED)), *first_in_ci(*HEALTHY, *HEALTHY_GENERIC, count=12)]
#: Others of the same rules, where there are others.
MENDED = these_in_ci(DAMAGED, *one_of_each_rule(reversed(DAMAGED)))


@pytest.mark.parametrize("case", JUDGED, ids=lambda case: case.name.replace(" ", "-"))
def test_a_database_is_judged_as_it_is_and_ends_as_it_must(case: Case, move: Move, corpus_url: str) -> None:
    report = move(case)
    assert sorted(map(as_found, report.findings)) == sorted(case.finds), [f.explanation for f in report.findings]
    assert any(finding.level is Level.ERROR and not finding.applied for finding in report.findings) == case.blocked
    if case.blocked:
        _require_blocked(report, corpus_url)
    else:
        _require_published(report, case, corpus_url)


@pytest.mark.parametrize("case", MENDED, ids=lambda case: case.name.replace(" ", "-"))
@pytest.mark.parametrize(
    "fix",
    [pytest.param(EVERY_REPAIR, id="repaired"), pytest.param((), id="quarantined", marks=pytest.mark.full)],
)
def test_what_can_be_mended_is_and_every_row_is_accounted_for(
    case: Case, fix: tuple[str, ...], move: Move, corpus_url: str
) -> None:
    report = move(case, fix=fix, quarantine=EVERY_ROW)
    standing = [finding for finding in report.findings if finding.blocks]
    assert all(_cannot_be_mended(finding, case, accepted=fix) for finding in standing), standing
    if standing:
        _require_blocked(report, corpus_url)
    else:
        _require_accounted(report, case, corpus_url)


def _cannot_be_mended(finding: Finding, case: Case, *, accepted: tuple[str, ...]) -> bool:
    """It is about the schema, or about a table without a key or without row numbers."""
    rule = next(rule for rule in RULES if rule.id == finding.rule)
    about_rows = rule.names_rows or rule.id in accepted
    return not about_rows or finding.table in case.unmendable


def _require_accounted(report: Report, case: Case, url: str) -> None:
    assert report.failure is None, report.failure
    assert report.verification is not None
    assert report.verification.holds
    quarantine = "SELECT count(*) FROM migrate_to_pg.quarantine WHERE table_name = %s"
    with psycopg.connect(url) as connection, closing(sqlite3.connect(":memory:")) as source:
        source.executescript(case.source)
        there = connection.execute("SELECT to_regclass('migrate_to_pg.quarantine') IS NOT NULL").fetchone() == (True,)
        for table in report.verification.tables:
            target = connection.execute(f"SELECT count(*) FROM {_place(table.name)}".encode()).fetchone()
            rows = source.execute(f"SELECT count(*) FROM {_name(table.name)}").fetchone()
            aside = connection.execute(quarantine, [table.name]).fetchone() if there else (0,)
            assert target is not None
            assert aside is not None
            assert rows == (target[0] + aside[0],), table.name


def _require_blocked(report: Report, url: str) -> None:
    assert report.failure is not None
    assert (report.failure.exit_status, report.publication) == (1, None)
    assert "in the way" in report.failure.message
    with psycopg.connect(url) as connection:
        left = connection.execute("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND oid >= 16384").fetchall()
    assert left == [(0,)]


def _require_published(report: Report, case: Case, url: str) -> None:
    assert report.failure is None, report.failure
    assert report.publication is not None
    assert report.verification is not None
    assert report.verification.holds
    with psycopg.connect(url) as connection, closing(sqlite3.connect(":memory:")) as source:
        source.executescript(case.source)
        for table in report.verification.tables:
            count = connection.execute(f"SELECT count(*) FROM {_place(table.name)}".encode()).fetchone()
            rows = source.execute(f"SELECT count(*) FROM {_name(table.name)}").fetchone()
            assert count == rows == (table.rows_target,)


def _place(name: str) -> str:
    """A table as PostgreSQL is asked for it; a leftover one is in a schema of its own."""
    return f"{LEFTOVERS}.{_name(name)}" if name.startswith(f"{LEFTOVERS}.") else _name(name)


def _name(name: str) -> str:
    return quote_name(name.removeprefix(f"{LEFTOVERS}."))


def test_each_rule_is_there_twice() -> None:
    told = collections.Counter(rule for case in DAMAGED for rule in {found.rule for found in case.finds})
    assert {rule.id for rule in RULES if told[rule.id] < 2} == OF_THE_PROJECT


def test_the_corpus_is_as_large_as_it_says() -> None:
    assert len({case.name for case in ALL}) == len(ALL)
    assert len(DAMAGED) >= 100
    assert len([*HEALTHY, *HEALTHY_GENERIC]) >= 25
