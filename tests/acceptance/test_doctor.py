"""manage.py sqlite_doctor as a person or a script runs it: what it finds, what it leaves alone, how it ends."""

import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from migrate_to_pg.sqlite.checksums import file_sha256
from tests.conftest import MakeSource, Run, SqliteProcess, project_tables
from tests.tiers import first_in_ci, these_in_ci


@pytest.fixture
def doctor(python: Run) -> Run:
    """Run the command; it must never end in a traceback, nor change the database."""

    def run(path: Path, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        before = file_sha256(path) if path.is_file() else ""
        result = python("manage.py", "sqlite_doctor", path, *arguments, **environment)
        assert "Traceback" not in result.stdout + result.stderr, result.stderr
        assert (file_sha256(path) if path.is_file() else "") == before
        return result

    return run


@pytest.fixture
def diagnose(doctor: Run) -> Callable[[Path], tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]]:
    """(the document that --json prints, rule -> its findings); the exit status must agree."""

    def run(path: Path) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
        result = doctor(path, "--json")
        document = json.loads(result.stdout)
        assert result.returncode == (0 if document["ok"] else 1)
        assert document["ok"] == all(finding["level"] != "error" for finding in document["findings"])
        rules: dict[str, list[dict[str, Any]]] = {}
        for finding in document["findings"]:
            rules.setdefault(finding["rule"], []).append(finding)
        return document, rules

    return run


@pytest.fixture
def make_copy(make_source: MakeSource, tmp_path: Path) -> MakeSource:
    """A healthy database of the test's own, changed by some SQL."""

    def make(script: str = "", name: str = "copy.sqlite3") -> Path:
        path = Path(shutil.copy(make_source("none"), tmp_path / name))
        with closing(sqlite3.connect(path)) as database:
            database.executescript(script)
        return path

    return make


def test_a_healthy_database_is_told_in_one_line(doctor: Run, make_source: MakeSource) -> None:
    result = doctor(make_source("none"))
    assert result.returncode == 0
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"Healthy: {make_source('none')}")
    assert f"{project_tables()} tables" in line
    assert "probe: done" in result.stderr


def test_it_speaks_of_sqlite_and_of_a_move_under_a_heading_of_its_own(doctor: Run, make_source: MakeSource) -> None:
    own, heading, move = doctor(make_source("all")).stdout.partition("\nFor a move to PostgreSQL\n")
    assert heading
    assert [word for word in ("PostgreSQL", "--fix", "--quarantine", "migrate_to_pg", "--rehearse") if word in own] == [
        "--fix",
        "--quarantine",
    ]
    found = [line for line in move.splitlines() if line.startswith("error  ")]
    assert found
    assert all(line.split("  ")[1] in own and line.split("  ")[2] in own for line in found)
    told = " ".join(own.split())
    assert "error text-too-long attributions_teacher.matricule 3 rows" in told
    assert "-> --rebuild NEW --fix text-too-long repairs 3 of 3 (lossy)." in told
    assert "manage.py sqlite_doctor" in own
    assert "--fix text-too-long repairs 3 of 3 (lossy)." in move
    (rebuild,) = [text for text in own.splitlines() if " --rebuild " in text and "manage.py" in text]
    _, quarantine = rebuild.split(" --quarantine ")
    assert f"--quarantine {quarantine} leaves out of the new file the rows that no repair keeps" in told
    new = Path(make_source("all")).with_name("of_the_advice.sqlite3")
    options = [new if ".rebuilt." in part else part for part in shlex.split(rebuild)[4:]]
    made = doctor(make_source("all"), *options)
    assert made.returncode == 0, made.stdout + made.stderr


def test_the_seeds_error_is_reproduced_and_explained(doctor: Run, make_source: MakeSource) -> None:
    result = doctor(make_source("dangling-fk"))
    assert result.returncode == 1
    assert "no such table: main.courses_course_backup" in result.stdout
    assert "error  write-probe  attributions_attribution.course_id" in result.stdout
    assert "error  dangling-foreign-key  attributions_attribution.course_id" in result.stdout
    assert "RENAME TO" in result.stdout
    assert "--fix and --quarantine are options of migrate_to_pg" in result.stdout


def test_every_damage_of_the_legacy_database_is_named(
    diagnose: Callable[[Path], tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]], make_source: MakeSource
) -> None:
    _, rules = diagnose(make_source("all"))
    places = {(rule, finding["table"], finding["column"]) for rule, found in rules.items() for finding in found}
    assert places >= {
        ("dangling-foreign-key", "attributions_attribution", "course_id"),
        ("write-probe", "attributions_attribution", "course_id"),
        ("duplicate-key", "courses_course", "code"),
        ("code-in-key", "attributions_attribution", "course_id"),
        ("wrong-storage-class", "attributions_attribution", "hours"),
        ("foreign-key-orphan", "attributions_attribution", "teacher_id"),
        ("null-in-not-null", "attributions_attribution", "note"),
        ("text-too-long", "courses_course", "title"),
    }
    # foreign_key_check has nothing to add to what is told already.
    assert "foreign-key-check" not in rules


def test_json_holds_the_facts(
    diagnose: Callable[[Path], tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]], make_source: MakeSource
) -> None:
    document, _ = diagnose(make_source("dangling-fk"))
    facts = document["facts"]
    assert document["source"] == str(make_source("dangling-fk"))
    assert facts["bytes"] == make_source("dangling-fk").stat().st_size
    assert (facts["tables"], facts["sqlite_version"]) == (project_tables(), sqlite3.sqlite_version)
    assert facts["pages"]["encoding"] == "UTF-8"
    assert facts["pages"]["journal_mode"] == "wal"
    assert facts["pages"]["page_count"] * facts["pages"]["page_size"] == facts["bytes"]
    assert facts["space_free"] > facts["space_needed"] > 0
    assert set(document["findings"][0]) == {
        "rule", "level", "table", "column", "count", "samples", "explanation", "remedy", "repair", "repairable",
        "quarantinable", "applied",
    }  # fmt: skip


def test_nothing_is_left_behind(doctor: Run, make_source: MakeSource, own_base: dict[str, str]) -> None:
    reports = Path(own_base["PYTHONPATH"], "migrate_to_pg_report")
    before = sorted(reports.rglob("*snapshot*"))
    doctor(make_source("none"), **own_base)
    assert sorted(reports.rglob("*snapshot*")) == before


MIGRATIONS = {
    "unapplied-migrations": ("DELETE FROM django_migrations WHERE app = 'sessions';", "sessions.0001_initial", 0),
    "unknown-migrations": (
        "INSERT INTO django_migrations (app, name, applied) VALUES ('gone', '0001_initial', '2020-01-01');",
        "gone.0001_initial",
        0,
    ),
    "inconsistent-migrations": (
        "DELETE FROM django_migrations WHERE app = 'courses' AND name = '0001_initial';",
        "not courses.0001_initial, on which it depends",
        1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", these_in_ci(MIGRATIONS, "unknown-migrations"))
def test_the_state_of_migrations_is_told(rule: str, doctor: Run, make_copy: MakeSource) -> None:
    script, says, status = MIGRATIONS[rule]
    if rule == "unapplied-migrations":
        script += "DROP TABLE django_session;"
    result = doctor(make_copy(script))
    assert rule in result.stdout
    assert says in " ".join(result.stdout.split())
    assert result.returncode == status, result.stdout


def test_warnings_alone_end_with_0_and_are_shown(doctor: Run, make_copy: MakeSource) -> None:
    result = doctor(make_copy("CREATE TABLE courses_course_old (x);"))
    assert result.returncode == 0
    assert result.stdout.startswith("Healthy, but read on: 1 warning.")
    assert "warning  leftover-table  courses_course_old" in result.stdout


def test_a_trigger_that_names_what_is_missing_is_named(
    diagnose: Callable[[Path], tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]], make_copy: MakeSource
) -> None:
    script = "CREATE TRIGGER audit AFTER INSERT ON courses_course BEGIN INSERT INTO courses_log VALUES (1); END;"
    _, rules = diagnose(make_copy(script))
    (found,) = rules["write-probe"]
    assert found["table"] == "courses_course"
    assert "trigger audit" in found["explanation"]
    assert "broken-view-or-trigger" in rules


def test_rows_under_a_key_that_only_sqlite_declares(
    diagnose: Callable[[Path], tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]], make_copy: MakeSource
) -> None:
    script = (
        "PRAGMA foreign_keys = OFF; CREATE TABLE extra (x integer REFERENCES courses_course (id));"
        "INSERT INTO extra VALUES (-1), (-2);"
    )
    _, rules = diagnose(make_copy(script))
    (found,) = rules["foreign-key-check"]
    assert (found["table"], found["column"], found["count"]) == ("extra", "x", 2)
    assert [sample["key"] for sample in found["samples"]] == [{"rowid": "1"}, {"rowid": "2"}]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
@pytest.mark.parametrize("mode", first_in_ci("wal", "delete"))
def test_who_holds_the_write_lock_is_named_with_pid_and_program(
    mode: str,
    diagnose: Callable[[Path], tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]],
    make_copy: MakeSource,
    sqlite_process: SqliteProcess,
) -> None:
    path = make_copy(f"PRAGMA journal_mode = {mode};")
    process = sqlite_process(path, "BEGIN IMMEDIATE")
    document, rules = diagnose(path)
    (found,) = rules["write-lock"]
    assert found["level"] == "warning"
    assert f"Process {process.pid} (python" in found["explanation"]
    (holder,) = document["facts"]["holders"]
    assert (holder["pid"], holder["writes"]) == (process.pid, True)


@pytest.mark.full
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_a_lock_that_keeps_readers_out_is_an_error_with_its_holder(
    diagnose: Callable[[Path], tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]],
    make_copy: MakeSource,
    sqlite_process: SqliteProcess,
) -> None:
    path = make_copy("PRAGMA journal_mode = delete;")
    process = sqlite_process(path, "BEGIN EXCLUSIVE")
    document, rules = diagnose(path)
    assert [finding["level"] for finding in rules["write-lock"]] == ["error"]
    assert f"Process {process.pid} (python" in rules["write-lock"][0]["explanation"]
    assert document["facts"]["tables"] is None


def test_a_wal_that_nobody_owns_is_told_and_its_rows_are_seen(
    diagnose: Callable[[Path], tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]],
    make_copy: MakeSource,
    sqlite_process: SqliteProcess,
) -> None:
    path = make_copy("PRAGMA journal_mode = wal;")
    process = sqlite_process(path, "CREATE TABLE late (x)")
    process.kill()
    process.wait()
    document, rules = diagnose(path)
    assert document["facts"]["beside"]["-wal"] > 0
    assert "late" in [finding["table"] for finding in rules["leftover-table"]]
    if document["facts"]["all_holders_known"]:
        assert "killed" in rules["stale-wal"][0]["explanation"]


def test_a_hot_journal_is_told(
    diagnose: Callable[[Path], tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]],
    make_copy: MakeSource,
    sqlite_process: SqliteProcess,
    tmp_path: Path,
) -> None:
    path = make_copy("PRAGMA journal_mode = delete;")
    # A cache of one page: what is changed reaches the file before the transaction ends.
    process = sqlite_process(
        path, "PRAGMA cache_size = 1;BEGIN;UPDATE attributions_attribution SET note = printf('%999d', id)"
    )
    process.kill()
    process.wait()
    assert Path(f"{path}-journal").stat().st_size
    _, rules = diagnose(path)
    assert "sqlite3 shell" in rules["hot-journal"][0]["remedy"]


@pytest.mark.parametrize("offset", first_in_ci(0.3, 0.75, 0.15, 0.45, 0.6, 0.9, count=2))
def test_overwritten_pages_are_a_finding(
    offset: float,
    diagnose: Callable[[Path], tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]],
    make_copy: MakeSource,
) -> None:
    path = make_copy("PRAGMA journal_mode = delete;")
    with path.open("r+b") as file:
        file.seek(int(path.stat().st_size * offset) // 4096 * 4096)
        file.write(os.urandom(3 * 4096))
    _, rules = diagnose(path)
    assert {"integrity-check", "unreadable"} & set(rules)


def test_a_header_alone_is_a_finding(
    diagnose: Callable[[Path], tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]], tmp_path: Path
) -> None:
    path = tmp_path / "torn.sqlite3"
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    _, rules = diagnose(path)
    assert set(rules) == {"unreadable"}


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 zip"])
def test_what_is_no_sqlite_database_is_a_matter_of_usage(content: bytes | None, doctor: Run, tmp_path: Path) -> None:
    path = tmp_path / "wrong.sqlite3"
    if content is not None:
        path.write_bytes(content)
    result = doctor(path)
    assert result.returncode == 2
    assert str(path) in result.stderr
    assert "manage.py sqlite_doctor PATH" in result.stderr


def test_an_alias_of_another_database_is_refused_by_its_own_name(python: Run) -> None:
    url = "postgres://u:hunter2-planted@127.0.0.1:1/d"
    result = python("manage.py", "sqlite_doctor", "default", DATABASE_URL=url)
    assert result.returncode == 2
    assert "sqlite_doctor default is a postgresql database" in result.stderr
    assert "hunter2" not in result.stderr


@pytest.mark.full
def test_an_alias_and_a_url_name_it_as_well(python: Run, make_source: MakeSource) -> None:
    path = make_source("none")
    for name in ("default", f"sqlite:///{path}"):
        result = python("manage.py", "sqlite_doctor", name, DATABASE_URL=f"sqlite:///{path}")
        assert result.returncode == 0, result.stderr
        assert str(path) in result.stdout


def test_hostile_names_are_told_as_they_are_and_reach_no_terminal(doctor: Run, make_copy: MakeSource) -> None:
    hostile = 'a "b"; DROP TABLE x; --\x1b[31m\n{y}'
    quoted = hostile.replace('"', '""')
    path = make_copy(
        f'CREATE TABLE "{quoted}" ("c ""{{z}}" integer REFERENCES "go""ne" (id)); INSERT INTO "{quoted}" VALUES (1);'
        f'CREATE VIEW "v ""{quoted}" AS SELECT * FROM "go""ne";',
        name="it's 100% ü?#.sqlite3",
    )
    result = doctor(path)
    assert result.returncode == 1
    assert "\x1b" not in result.stdout
    assert "dangling-foreign-key" in result.stdout
    assert "write-probe" in result.stdout
    document = json.loads(doctor(path, "--json").stdout)
    assert hostile in {finding["table"] for finding in document["findings"]}


def test_the_projects_own_settings_give_the_system_checks_no_reason(python: Run, make_copy: MakeSource) -> None:
    variables = {"DJANGO_ENV": "production", "SECRET_KEY": "abcdefghijklmnopqrstuvwxyz0123456789-ABCDEFGHIJKLMNOP"}
    url = f"sqlite:///{make_copy('PRAGMA journal_mode = delete;')}"
    result = python("manage.py", "check", DATABASE_URL=url, ALLOWED_HOSTS="example.org", **variables)
    assert result.returncode == 0, result.stderr
    assert "migrate_to_pg" not in result.stdout + result.stderr


@pytest.fixture
def repaired(
    python: Run, make_copy: MakeSource, make_source: MakeSource
) -> Callable[..., tuple[Path, subprocess.CompletedProcess[str]]]:
    """Run a repair on a copy of a damaged database: (its path, the result)."""

    def run(damage: str, *arguments: str | Path) -> tuple[Path, subprocess.CompletedProcess[str]]:
        path = Path(shutil.copy(make_source(damage), make_copy().with_name("damaged.sqlite3")))
        result = python("manage.py", "sqlite_doctor", path, *arguments)
        assert "Traceback" not in result.stdout + result.stderr, result.stderr
        return path, result

    return run


def test_a_repair_ends_with_0_says_what_it_did_and_where_the_backup_is(
    repaired: Callable[..., tuple[Path, subprocess.CompletedProcess[str]]], doctor: Run
) -> None:
    path, result = repaired("dangling-fk", "--repair", "all")
    assert result.returncode == 0, result.stdout
    (backup,) = path.parent.glob("damaged.sqlite3.backup-*")
    healthy, *done, kept = result.stdout.splitlines()
    assert healthy.startswith(f"Healthy: {path}")
    assert sorted(done) == [
        f"Repaired: dangling-foreign-key {table}: the foreign key on course_id names courses_course."
        for table in ("attributions_attribution", "courses_courseyear")
    ]
    assert kept == f"Backup: {backup}"
    assert len(doctor(path).stdout.splitlines()) == 1
    # What was wrong is still wrong in the backup.
    assert "no such table: main.courses_course_backup" in doctor(backup).stdout


def test_what_is_left_after_a_repair_ends_with_1(
    repaired: Callable[..., tuple[Path, subprocess.CompletedProcess[str]]],
) -> None:
    _, result = repaired("all", "--repair", "dangling-foreign-key", "--json")
    assert result.returncode == 1
    document = json.loads(result.stdout)
    record = document["repair"]
    assert (document["ok"], record["ok"], record["restored"], record["failure"]) == (False, True, False, None)
    assert {(done["rule"], done["table"]) for done in record["repaired"]} == {
        ("dangling-foreign-key", table) for table in ("attributions_attribution", "courses_courseyear")
    }
    assert Path(record["backup"]).is_file()
    found = {finding["rule"] for finding in document["findings"]}
    assert "duplicate-key" in found
    assert not found & {"dangling-foreign-key", "write-probe"}


def test_an_unknown_repair_is_a_matter_of_usage(
    repaired: Callable[..., tuple[Path, subprocess.CompletedProcess[str]]],
) -> None:
    path, result = repaired("none", "--repair", "dangling-foreign-key,nonsense")
    assert result.returncode == 2
    assert "nonsense is no rule" in result.stderr
    assert "dangling-foreign-key" in result.stderr
    assert list(path.parent.glob("*backup*")) == []


def test_a_finding_that_can_be_repaired_in_place_says_how(doctor: Run, make_source: MakeSource) -> None:
    path = make_source("dangling-fk")
    lines = doctor(path).stdout.splitlines()
    command = lines[lines.index("To repair SQLite itself, a backup of it first:") + 1]
    assert command.endswith(f" manage.py sqlite_doctor {shlex.quote(str(path))} --repair dangling-foreign-key")


@pytest.mark.full
def test_the_projects_own_database_is_repaired_without_a_name(
    python: Run, make_copy: MakeSource, make_source: MakeSource
) -> None:
    path = Path(shutil.copy(make_source("dangling-fk"), make_copy().with_name("own.sqlite3")))
    result = python("manage.py", "sqlite_doctor", "--repair", "all", DATABASE_URL=f"sqlite:///{path}")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Repaired: dangling-foreign-key" in result.stdout
