"""sqlite_doctor --repair beside other processes: those that hold locks, and the one that kills it."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from migrate_to_pg.doctor.repair.repair import repair
from migrate_to_pg.records import Event
from tests.conftest import ROOT, SqliteProcess
from tests.integration.repairing import DANGLE, ask, backups, change, content
from tests.tiers import first_in_ci

pytestmark = pytest.mark.usefixtures("unblocked")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it waits for in vain is waited for a tenth of the time; writers that do end have all of it."""
    for module in ("repair", "lock"):
        monkeypatch.setattr(f"migrate_to_pg.doctor.repair.{module}.LOCK_TIMEOUT_SECONDS", 0.5)


@pytest.fixture(params=["delete", "wal"])
def dangling_source(source: Path, request: pytest.FixtureRequest) -> Path:
    change(source, f"{DANGLE} PRAGMA journal_mode = {request.param};")
    return source


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_a_writer_in_the_way_is_named_and_nothing_is_changed(
    dangling_source: Path, sqlite_process: SqliteProcess, impatient: None
) -> None:
    process = sqlite_process(dangling_source, "BEGIN IMMEDIATE")
    before = content(dangling_source, schema=True)
    diagnosis = repair(str(dangling_source), ["all"])
    assert diagnosis.repair
    assert diagnosis.repair.failure
    assert f"process {process.pid} (python" in " ".join(diagnosis.repair.failure.detail)
    assert "holds the write lock" in " ".join(diagnosis.repair.failure.detail)
    assert content(dangling_source, schema=True) == before
    assert backups(dangling_source) == []


def test_a_reader_is_no_hindrance_with_wal_and_is_named_without(
    dangling_source: Path, sqlite_process: SqliteProcess, impatient: None
) -> None:
    process = sqlite_process(dangling_source, "BEGIN; SELECT count(*) FROM courses_course")
    ((mode,),) = ask(dangling_source, "PRAGMA journal_mode")
    before = content(dangling_source, schema=True)
    diagnosis = repair(str(dangling_source), ["all"])
    if mode == "wal":
        assert diagnosis.repair
        assert diagnosis.repair.ok
        assert not [f for f in diagnosis.findings if f.rule == "dangling-foreign-key"]
    else:
        assert diagnosis.repair
        assert diagnosis.repair.failure
        assert f"process {process.pid} (python" in " ".join(diagnosis.repair.failure.detail)
        assert content(dangling_source, schema=True) == before


def test_writers_wait_until_it_is_done(dangling_source: Path, sqlite_process: SqliteProcess) -> None:
    """From the backup on, so that nothing that is written is missing in it."""
    tried = []

    def progress(event: Event) -> None:
        if event.kind == "stage" and event.stage in ("rehearsal", "repair"):
            program = (
                "import sqlite3, sys; d = sqlite3.connect(sys.argv[1], timeout=0);"
                "d.execute(\"INSERT INTO django_session VALUES ('late', '', '2000-01-01')\")"
            )
            told = subprocess.run(
                [sys.executable, "-c", program, dangling_source], capture_output=True, text=True, check=False
            )
            tried.append("database is locked" in told.stderr)

    record = repair(str(dangling_source), ["all"], progress).repair
    assert record
    assert record.ok
    assert tried == [True, True]


def test_wal_is_switched_on_for_good(source: Path) -> None:
    change(source, "PRAGMA journal_mode = delete")
    diagnosis = repair(str(source), ["wal"])
    assert diagnosis.repair
    assert [done.rule for done in diagnosis.repair.repaired] == ["wal"]
    assert diagnosis.pages
    assert diagnosis.pages.journal_mode == "wal"
    assert ask(source, "PRAGMA journal_mode") == [("wal",)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_wal_is_not_switched_on_in_a_file_that_is_damaged(source: Path) -> None:
    with closing(sqlite3.connect(source)) as database, database:
        database.execute("PRAGMA writable_schema = ON")
        database.execute("UPDATE sqlite_master SET rootpage = 3 WHERE name IN ('courses_course', 'courses_teacher')")
    before = source.read_bytes()
    record = repair(str(source), ["wal"]).repair
    assert record
    assert [left.reason for left in record.not_repaired] == ["the file is damaged, and nothing is written to it"]
    assert source.read_bytes() == before


def test_wal_is_not_switched_on_under_a_reader_who_is_named(
    source: Path, sqlite_process: SqliteProcess, impatient: None
) -> None:
    change(source, "PRAGMA journal_mode = delete")
    process = sqlite_process(source, "BEGIN; SELECT count(*) FROM courses_course")
    diagnosis = repair(str(source), ["wal"])
    assert not diagnosis.ok
    assert diagnosis.repair
    assert f"process {process.pid} (python" in diagnosis.repair.not_repaired[0].reason


def test_a_checkpoint_empties_a_wal_that_a_killed_program_left(source: Path, sqlite_process: SqliteProcess) -> None:
    change(source, "PRAGMA journal_mode = wal")
    process = sqlite_process(source, "CREATE TABLE late (x); INSERT INTO late VALUES (1)")
    process.kill()
    process.wait()
    wal = source.with_name(f"{source.name}-wal")
    assert wal.stat().st_size
    diagnosis = repair(str(source), ["checkpoint"])
    assert diagnosis.repair
    assert "are in the database now" in diagnosis.repair.repaired[0].what
    assert not wal.exists() or not wal.stat().st_size
    assert ask(source, "SELECT x FROM late") == [(1,)]
    assert "stale-wal" not in {finding.rule for finding in diagnosis.findings}


def test_a_wal_that_a_killed_program_left_is_in_the_database_after_a_repair(
    source: Path, sqlite_process: SqliteProcess
) -> None:
    change(source, "PRAGMA journal_mode = wal")
    (name,) = ask(source, "SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE INDEX%(\"teacher_id\")'")[0]
    process = sqlite_process(
        source, f"UPDATE attributions_attribution SET note = 'late' WHERE id = 1; DROP INDEX {name}"
    )
    process.kill()
    process.wait()
    diagnosis = repair(str(source), ["schema-drift"])
    assert diagnosis.repair
    assert diagnosis.repair.ok
    assert not diagnosis.findings
    assert ask(source, "SELECT note FROM attributions_attribution WHERE id = 1") == [("late",)]
    assert ask(source, f"SELECT count(*) FROM sqlite_master WHERE name = '{name}'") == [(1,)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_a_checkpoint_under_a_reader_says_how_much_is_left_and_who_it_is(
    source: Path, sqlite_process: SqliteProcess, impatient: None
) -> None:
    change(source, "PRAGMA journal_mode = wal")
    reader = sqlite_process(source, "BEGIN; SELECT count(*) FROM courses_course")
    sqlite_process(source, "CREATE TABLE late (x)")
    diagnosis = repair(str(source), ["checkpoint"])
    assert diagnosis.repair
    (left,) = diagnosis.repair.not_repaired
    assert "bytes are left in the -wal" in left.reason
    assert f"process {reader.pid} (python" in left.reason
    assert not diagnosis.ok


def test_a_checkpoint_rolls_back_what_was_never_finished(source: Path, sqlite_process: SqliteProcess) -> None:
    change(source, "PRAGMA journal_mode = delete")
    before = content(source)
    script = "PRAGMA cache_size = 1;BEGIN;UPDATE attributions_attribution SET note = printf('%999d', id)"
    process = sqlite_process(source, script)
    process.kill()
    process.wait()
    refused = repair(str(source), ["all"]).repair
    assert refused
    assert refused.failure
    diagnosis = repair(str(source), ["checkpoint"])
    assert diagnosis.repair
    assert "rolled back" in diagnosis.repair.repaired[0].what
    assert diagnosis.ok
    assert content(source) == before


STAGES = ("backup ...", "examine ...", "rehearsal ...", "repair ...", "repair: done")
MOMENTS = [
    *(("delete", stage, signal.SIGKILL) for stage in STAGES),
    ("wal", "repair ...", signal.SIGKILL),
    ("delete", "repair ...", signal.SIGINT),
    ("delete", "repair: done", signal.SIGTERM),
]


@pytest.mark.parametrize(("mode", "stage", "how"), first_in_ci(*reversed(MOMENTS)))
def test_killed_at_any_stage_the_database_is_whole(mode: str, stage: str, how: signal.Signals, source: Path) -> None:
    large = source
    # Enough rows for a repair to be interrupted in the middle of a stage.
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000)"
    padding = f"CREATE TABLE padding (x); {numbers} INSERT INTO padding SELECT randomblob(200) FROM n;"
    change(large, f"{padding} {DANGLE} PRAGMA journal_mode = {mode};")
    before = content(large, schema=True)
    process = subprocess.Popen(
        [sys.executable, "manage.py", "sqlite_doctor", large, "--repair", "all"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr
    for line in process.stderr:
        if line.startswith(stage):
            process.send_signal(how)
            break
    _, told = process.communicate(timeout=60)
    assert "Traceback" not in told
    assert process.returncode in (-signal.SIGKILL, 0, 1)
    with closing(sqlite3.connect(large)) as database:
        database.create_function("regexp", 2, lambda pattern, text: bool(re.search(pattern, str(text))))
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    after = content(large, schema=True)
    repaired = "courses_course_backup" not in "".join(after.pop("sqlite_master"))
    whole = dict(before)
    whole.pop("sqlite_master")
    assert after == whole
    assert repaired or stage != "repair: done"
    if how is not signal.SIGKILL:
        assert not [path for path in large.parent.iterdir() if "unfinished" in path.name]
    for backup in backups(large):
        if not backup.name.endswith(".unfinished"):
            assert content(backup, schema=True) == before
    again = repair(str(large), ["all"])
    assert again.repair
    assert again.repair.ok, again.repair
    assert "dangling-foreign-key" not in {finding.rule for finding in again.findings}


#: A project whose connections are set up by a receiver of its own, and end at the commit of the repair.
UNSAFE = """
import os, signal, sqlite3, sys
import django
from django.db.backends.signals import connection_created

path, setting, end = sys.argv[1:]

def receive(connection, **_):
    database = connection.connection
    if database.execute("PRAGMA database_list").fetchone()[2] != path:
        return
    database.execute(f"PRAGMA {setting}").fetchall()
    # The pages that a statement changes reach the file before it is committed.
    database.execute("PRAGMA cache_size = 1")
    if end == "kill":
        kill = lambda sql: sql.startswith("COMMIT") and os.kill(os.getpid(), signal.SIGKILL)
        database.set_trace_callback(kill)
    if end == "refuse":
        # Asking is allowed, setting is passed over.
        passed = lambda code, name, value, *_: code == sqlite3.SQLITE_PRAGMA and name == setting.split("=")[0] and value
        database.set_authorizer(lambda *asked: sqlite3.SQLITE_IGNORE if passed(*asked) else sqlite3.SQLITE_OK)

os.environ["DJANGO_SETTINGS_MODULE"] = "attribution_project.settings"
django.setup()
connection_created.connect(receive)
from migrate_to_pg.doctor.repair.repair import repair
record = repair(path, ["all"]).repair
if record.failure:
    sys.exit(" ".join([record.failure.message, record.failure.remedy]))
"""


def unsafe(source: Path, setting: str, end: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", UNSAFE, str(source), setting, end]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.full
@pytest.mark.parametrize("setting", ["journal_mode=MEMORY", "journal_mode=OFF", "locking_mode=EXCLUSIVE"])
def test_killed_at_the_commit_the_database_is_as_it_was_whatever_the_project_sets(setting: str, source: Path) -> None:
    change(source, f"{DANGLE} PRAGMA journal_mode = delete;")
    before = content(source, schema=True)
    killed = unsafe(source, setting, "kill")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    change(source, "SELECT * FROM sqlite_master")  # whoever opens it next rolls back what was not committed
    assert content(source, schema=True) == before
    assert ask(source, "PRAGMA quick_check") == [("ok",)]
    done = unsafe(source, setting, "go on")
    assert (done.returncode, done.stderr) == (0, "")
    assert "courses_course_backup" not in str(content(source, schema=True)["sqlite_master"])


@pytest.mark.full
def test_a_setting_that_cannot_be_taken_back_is_refused_by_name(source: Path) -> None:
    change(source, f"{DANGLE} PRAGMA journal_mode = delete;")
    before = source.read_bytes()
    refused = unsafe(source, "journal_mode=OFF", "refuse")
    assert refused.returncode == 1
    assert f"{source} cannot be repaired safely: the project's own connections have PRAGMA journal_mode = off" in (
        refused.stderr
    )
    assert source.read_bytes() == before
    assert backups(source) == []
