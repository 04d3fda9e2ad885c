"""Every database of the doctor's corpus: exactly the findings that it states."""

from __future__ import annotations

import collections
import shutil
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from migrate_to_pg.doctor import diagnose, file_state
from migrate_to_pg.rules.doctor_findings import DOCTOR_RULES, NO_ROOM
from tests.corpus import Found, as_found, one_of_each_rule
from tests.corpus.doctor import CASES, DoctorCase
from tests.tiers import these_in_ci


@pytest.mark.parametrize(
    "case", these_in_ci(CASES, *one_of_each_rule(CASES)), ids=lambda case: case.name.replace(" ", "-")
)
def test_a_database_is_judged_as_it_is(
    case: DoctorCase,
    make_copy: Callable[[], Path],
    monkeypatch: pytest.MonkeyPatch,
    django_db_blocker: DjangoDbBlocker,
) -> None:
    if case.linux and sys.platform != "linux":
        pytest.skip("only Linux tells who has a file open")
    # A -wal of 64 MB would take its time.
    monkeypatch.setattr(file_state, "LARGE_WAL_BYTES", 1024 * 1024)
    with contextmanager(case.damage)(make_copy()) as path, django_db_blocker.unblock():
        diagnosis = diagnose.diagnose(str(path))
    assert sorted(map(as_found, diagnosis.findings)) == sorted(case.finds), [f.explanation for f in diagnosis.findings]


@pytest.mark.parametrize("short", [1, 10**9])
def test_a_full_disk_is_told(short: int, make_copy: Callable[[], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_copy()
    usage = collections.namedtuple("usage", "total used free")
    free = max(0, path.stat().st_size - short)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(free, 0, free))
    diagnosis = diagnose.diagnose(str(path))
    assert [as_found(finding) for finding in diagnosis.findings] == [Found("no-room", "")]


def test_each_rule_of_the_doctor_is_there_twice() -> None:
    told = collections.Counter(rule for case in CASES for rule in {found.rule for found in case.finds})
    assert {rule.id for rule in DOCTOR_RULES if told[rule.id] < 2} == {NO_ROOM.id}
