"""The state of the database's files, the migrations' state, and how both are told."""

from __future__ import annotations

import dataclasses
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from migrate_to_pg.doctor import diagnose, doctor_checks
from migrate_to_pg.doctor.doctor_checks import migration_findings
from migrate_to_pg.doctor.file_state import LARGE_WAL_BYTES, file_findings, page_facts, read_file_state
from migrate_to_pg.errors import SourceError, UsageError
from migrate_to_pg.records.diagnosis import Diagnosis, FileState, Holder
from migrate_to_pg.report.doctor_report import blocks, facts_json
from migrate_to_pg.report.text_layout import plain
from migrate_to_pg.rules.doctor_findings import UNAPPLIED
from migrate_to_pg.system.workdir import WorkDirectory

PATH = Path("db.sqlite3")
QUIET = FileState(bytes=4096, beside={}, journal_is_hot=False, holders=(), all_holders=True)
WRITER = Holder(pid=4711, program="python manage.py", writes=True)
READER = Holder(pid=4712, program="gunicorn", writes=False)


def rules(before: FileState, after: FileState = QUIET) -> list[str]:
    return [finding.rule for finding in file_findings(PATH, before, after)]


def test_a_quiet_file_has_no_finding() -> None:
    assert rules(QUIET) == []


def test_a_lock_is_a_finding_only_where_the_same_process_still_holds_it() -> None:
    locked = dataclasses.replace(QUIET, holders=(READER, WRITER))
    next_writer = dataclasses.replace(QUIET, holders=(dataclasses.replace(WRITER, pid=4713),))
    assert rules(locked, locked) == ["write-lock"]
    assert rules(locked, next_writer) == rules(locked) == rules(QUIET, locked) == []


@pytest.mark.parametrize(
    ("wal", "holders", "all_holders", "expected"),
    [
        (100, (), True, ["stale-wal"]),
        (100, (), False, []),  # somebody may have it open whom the system does not show
        (100, (READER,), True, []),
        (LARGE_WAL_BYTES + 1, (READER,), True, ["large-wal"]),
        (0, (), True, []),
    ],
)
def test_a_wal(wal: int, holders: tuple[Holder, ...], all_holders: bool, expected: list[str]) -> None:
    state = dataclasses.replace(QUIET, beside={"-wal": wal}, holders=holders, all_holders=all_holders)
    assert rules(state) == expected


def test_facts_of_the_header(tmp_path: Path) -> None:
    path = tmp_path / "it's 100%?#.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript(
            "PRAGMA page_size = 1024; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA encoding = 'UTF-16be';"
            "CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(9999)); DELETE FROM t;"
        )
    facts = page_facts(path)
    assert (facts.page_size, facts.auto_vacuum, facts.encoding) == (1024, "incremental", "UTF-16be")
    assert facts.page_count * 1024 == path.stat().st_size == read_file_state(path).bytes
    assert facts.free_pages > 5
    assert facts.journal_mode == "rollback"


def test_what_the_system_does_not_show_is_said() -> None:
    hidden = dataclasses.replace(QUIET, holders=(WRITER,), all_holders=False)
    finding = UNAPPLIED.finding(table="django_migrations", explanation="x", remedy="y")
    diagnosis = Diagnosis(
        source="db.sqlite3", file=hidden, space_needed=1, space_free=2, sqlite_version="3", findings=(finding,)
    )
    text = "\n".join(plain(blocks(diagnosis)))
    assert "process 4711 (python manage.py), which holds the write lock" in text
    assert "there may be others" in text
    assert facts_json(diagnosis)["all_holders_known"] is False
    assert diagnosis.ok


def test_no_room_for_the_snapshot_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(directory: Path, size: int) -> None:
        raise SourceError(f"The snapshot needs {size} bytes.")

    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (a)")
    monkeypatch.setattr(diagnose, "require_space", full)
    diagnosis = diagnose.diagnose(str(path))
    assert [finding.rule for finding in diagnosis.findings] == ["no-room"]
    assert not diagnosis.ok
    assert diagnosis.tables is None


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), UsageError("cannot be put there")])
def test_a_directory_that_cannot_be_written_to_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, django_db_blocker: DjangoDbBlocker, error: Exception
) -> None:
    def read_only(directory: Path | None) -> WorkDirectory:
        if directory is None:
            raise error
        return WorkDirectory(directory)

    monkeypatch.setattr(diagnose, "WorkDirectory", read_only)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (a)")
    # The connection is to a copy of this test's own file.
    with django_db_blocker.unblock():
        assert diagnose.diagnose(str(path)).tables == 1
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_database_without_migrations_names_some_and_counts_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_checks, "_MAX_NAMES", 3)
    (finding,) = migration_findings(())
    assert finding.rule == "unapplied-migrations"
    assert finding.count > 10
    assert f"and {finding.count - 3} more" in finding.explanation
