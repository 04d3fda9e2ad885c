"""Damaged databases of the application: --check finds what the move finds, and the doctor finds all of it.

Of every other database of the corpus ``test_corpus`` and ``test_offline`` hold the same: both find what a case states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from migrate_to_pg.doctor import diagnose
from migrate_to_pg.pipeline import move
from migrate_to_pg.records import Finding, Options
from migrate_to_pg.rules import RULES
from tests.conftest import SERVER_VERSIONS, Server
from tests.corpus.doctor import CASES, DoctorCase
from tests.tiers import first_in_ci

#: What the doctor alone looks for, and what stands in nobody's way who reads the database.
_READ_BY_ALL = {rule.id for rule in RULES} | {"foreign-key-check", "write-probe", "unapplied-migrations"}
READ = [case for case in CASES if {found.rule for found in case.finds} <= _READ_BY_ALL]


@pytest.fixture(scope="module")
def url(servers: dict[int, Server]) -> Iterator[str]:
    server = servers[SERVER_VERSIONS[0]]
    made = server.database()
    yield made
    server.drop(made)


@pytest.mark.parametrize("case", first_in_ci(*READ), ids=lambda case: case.name.replace(" ", "-"))
def test_a_damaged_database_is_judged_alike(
    case: DoctorCase, make_copy: Callable[[], Path], url: str, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    with contextmanager(case.damage)(make_copy()) as path, django_db_blocker.unblock():
        source, report = str(path), tmp_path / "r"
        checked = move.run(Options(mode="check", source=source, report=report))
        moved = move.run(Options(mode="rehearse", source=source, report=report, target=url))
        diagnosed = diagnose.diagnose(str(path))
    assert (checked.failure is None) == (moved.failure is None), (checked.failure, moved.failure)
    assert _told(checked.findings) == _told(moved.findings)
    assert _told(checked.findings) <= _told(diagnosed.findings)


def _told(findings: tuple[Finding, ...]) -> set[tuple[object, ...]]:
    known = {rule.id for rule in RULES}
    return {(f.rule, f.level, f.table, f.column, f.count) for f in findings if f.rule in known}
