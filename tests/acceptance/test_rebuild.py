"""sqlite_doctor --rebuild: a clean file by the migrations, with all rows, and what no migration makes as it was."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from migrate_to_pg.postgres import embedded
from migrate_to_pg.sqlite.checksums import file_sha256
from tests.conftest import ROOT, VARIABLES, MakeSource, Run, run_python
from tests.integration.repairing import DANGLE, ask, change, content, rewritten

_DAMAGE = """
UPDATE attributions_attribution SET note = x'41' WHERE id < 5;
UPDATE attributions_attribution SET hours = hours + 0.001 WHERE id BETWEEN 3 AND 9;
UPDATE attributions_teacher SET max_hours = max_hours + 0.001 WHERE id = 2;
INSERT INTO courses_fileimport ("table", academic_year, file_name, made_at, added, changed, same, changes)
    VALUES ('courses', '', 'x.csv', '2026-09-01T08:00:00.5Z', 1, 0, 0, '{"long": 1, "a": [1.0,  2]}');
PRAGMA foreign_keys = OFF;
INSERT INTO auth_user_groups (id, user_id, group_id) VALUES (900, 900, 1);
"""
#: What no migration makes: every storage class in a column, keys, checks, full text, a hidden rowid, a number beyond.
_BY_HAND = """
CREATE TABLE mixed (id integer PRIMARY KEY AUTOINCREMENT, amount,
    up integer REFERENCES courses_course (id), CHECK (id < 100));
INSERT INTO mixed (amount) VALUES (1), (1.0), ('1'), (x'01'), (NULL), (CAST(x'ff' AS text));
INSERT INTO mixed (amount, up) VALUES ('an orphan', 4711);
UPDATE sqlite_sequence SET seq = 77 WHERE name = 'mixed';
CREATE TABLE bare (x text COLLATE NOCASE, twice AS (x || x));
INSERT INTO bare (rowid, x) VALUES (7, 'a'), (3, 'B');
CREATE TABLE keyed (a text PRIMARY KEY, b) WITHOUT ROWID;
INSERT INTO keyed VALUES ('k', 1);
CREATE INDEX by_x ON bare (x DESC) WHERE x > 'A';
CREATE VIRTUAL TABLE words USING fts5 (body);
INSERT INTO words VALUES ('one two'), ('three');
CREATE VIRTUAL TABLE titles USING fts5 (title, content='courses_course', content_rowid='id');
INSERT INTO titles (titles) VALUES ('rebuild');
CREATE VIRTUAL TABLE pointers USING fts5 (body, content = '');
INSERT INTO pointers (rowid, body) VALUES (5, 'four');
CREATE VIEW broken AS SELECT lost FROM nowhere;
PRAGMA user_version = 12; PRAGMA application_id = 34;
"""
#: With what DANGLE makes.
_NAMES = (
    "mixed", "bare", "keyed", "by_x", "words", "titles", "pointers", "broken", "raises", "Noted by hand",
    "partial one", "seen",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """One run, and what was there before it."""

    old: Path
    new: Path
    report: dict[str, Any]
    before: dict[str, Any]
    sha256: str
    #: The new file and what is beside it, before anything opened it.
    beside: list[str]
    #: Where the server keeps its data.
    server: Path
    #: What the run took by the clock on the wall, in seconds.
    wall: float


def rebuild(old: Path, new: Path, *more: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    result = run_python("manage.py", "sqlite_doctor", old, "--rebuild", new, *more, **variables)
    assert "Traceback" not in result.stdout + result.stderr, result.stderr
    return result


@pytest.fixture(scope="module")
def rebuilt(make_source: MakeSource, tmp_path_factory: pytest.TempPathFactory, own_base: dict[str, str]) -> Rebuilt:
    """A file with faults of every kind, made anew once."""
    folder = tmp_path_factory.mktemp("rebuilt")
    old, new = Path(shutil.copy(make_source("none"), folder / "db.sqlite3")), folder / "new.sqlite3"
    change(old, DANGLE + _DAMAGE + _BY_HAND)
    rewritten(old, "attributions_teacher", '"matricule" varchar(20) NOT NULL UNIQUE', '"matricule" varchar(20)')
    # What Django reads from it, its driver makes of the declared type.
    rewritten(old, "attributions_teacher", '"max_hours" decimal', '"max_hours" real')
    change(old, "PRAGMA journal_mode = wal")
    old.chmod(0o640)
    before, sha256 = content(old, schema=True), file_sha256(old)
    accepted = ("--fix", "wrong-storage-class", "--quarantine", "foreign-key-orphan")
    line = ("manage.py", "sqlite_doctor", old, "--rebuild", new, *accepted, "--report", folder / "report", "--json")
    environment = {key: value for key, value in os.environ.items() if key not in VARIABLES} | own_base
    began = time.monotonic()
    # A process of its own: one that was forked counts the time since its parent began.
    done = subprocess.run(
        [sys.executable, *line], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    wall = time.monotonic() - began
    assert done.returncode == 0, done.stdout + done.stderr
    beside = sorted(path.name for path in folder.iterdir() if path.name.startswith("new"))
    report, server = json.loads(done.stdout), Path(own_base["PYTHONPATH"], ".migrate_to_pg", "try")
    return Rebuilt(
        old=old, new=new, report=report, before=before, sha256=sha256, beside=beside, server=server, wall=wall
    )


def test_the_new_file_is_healthy_and_its_schema_is_the_migrations(rebuilt: Rebuilt, python: Run) -> None:
    result = python("manage.py", "sqlite_doctor", rebuilt.new, "--json")
    found = {(f["rule"], f["table"]) for f in json.loads(result.stdout)["findings"] if f["level"] == "error"}
    # That is how it was, and the report of the rebuild says so.
    assert found == {("foreign-key-check", "mixed")}
    warnings = {(f["rule"], f["table"]) for f in rebuilt.report["findings"] if f["level"] == "warning"}
    assert warnings == {("foreign-key-check", "mixed"), ("written-otherwise", "attributions_teacher")}
    url = f"sqlite:///{rebuilt.new}"
    assert python("manage.py", "migrate", "--check", DATABASE_URL=url).returncode == 0
    ((sql,),) = ask(rebuilt.new, "SELECT sql FROM sqlite_master WHERE name = 'attributions_teacher'")
    assert '"matricule" varchar(20) NOT NULL UNIQUE' in sql
    assert {table for table, *_ in ask(rebuilt.new, "PRAGMA foreign_key_check")} == {"mixed"}


def test_every_row_is_there_but_what_was_repaired_and_left_out(rebuilt: Rebuilt) -> None:
    after = content(rebuilt.new)
    differs = {table for table in rebuilt.before if rebuilt.before[table] != after.get(table)}
    assert differs - {"sqlite_master", "sqlite_sequence"} == {
        "attributions_attribution", "attributions_teacher", "auth_user_groups", "sqlite_stat1"
    }  # fmt: skip
    rows = [row.replace(", b'A',", ", bytearray(b'A'),") for row in rebuilt.before["attributions_attribution"]]
    assert after["attributions_attribution"] == rows
    assert len(after["auth_user_groups"]) == len(rebuilt.before["auth_user_groups"]) - 1
    given = dict(ask(rebuilt.new, "SELECT name, seq FROM sqlite_sequence"))
    assert (given["mixed"], given["attributions_attribution"]) == (77, 123456)


def test_a_value_is_written_as_it_was_or_a_warning_shows_it(rebuilt: Rebuilt) -> None:
    # A decimal beyond its places, an object in its order with its spaces, a time in another notation.
    query = "SELECT typeof(hours), hours FROM attributions_attribution WHERE id BETWEEN 3 AND 9"
    assert ask(rebuilt.new, query) == ask(rebuilt.old, query)
    query = "SELECT changes, made_at FROM courses_fileimport"
    assert ask(rebuilt.new, query) == [('{"long": 1, "a": [1.0,  2]}', "2026-09-01T08:00:00.5Z")]
    (found,) = [finding for finding in rebuilt.report["findings"] if finding["rule"] == "written-otherwise"]
    assert (found["table"], found["column"], found["count"]) == ("attributions_teacher", "max_hours", 1)
    ((old,), (new,)) = (ask(file, "SELECT max_hours FROM attributions_teacher WHERE id = 2")[0] for file in (
        rebuilt.old, rebuilt.new
    ))  # fmt: skip
    assert (found["samples"][0]["key"], old) == ({"id": "2"}, pytest.approx(new + 0.001))
    assert str(old) in found["samples"][0]["value"]


@pytest.mark.full
def test_what_no_migration_makes_is_as_it_was(rebuilt: Rebuilt) -> None:
    query = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    old, new = set(ask(rebuilt.old, query)), set(ask(rebuilt.new, query))
    assert {row[:2] for row in old} <= {row[:2] for row in new}
    # Tables of the migrations were damaged; what was made by hand is as it was, a view of nothing too.
    changed, by_hand = {name for __, name, __ in old - new}, set(_NAMES)
    assert {"attributions_attribution", "attributions_teacher"} <= changed
    assert by_hand <= {name for __, name, __ in old}
    assert not changed & by_hand
    assert ask(rebuilt.new, "SELECT rowid FROM words WHERE words MATCH 'three'") == [(2,)]
    # Nothing else has these words.
    assert ask(rebuilt.new, "SELECT rowid FROM pointers WHERE pointers MATCH 'four'") == [(5,)]
    (code,) = ask(rebuilt.new, "SELECT title FROM courses_course WHERE id = 1")[0]
    assert (1,) in ask(rebuilt.new, f"SELECT rowid FROM titles WHERE titles MATCH '\"{code.split()[0]}\"'")
    for pragma, value in (("user_version", 12), ("application_id", 34), ("journal_mode", "wal")):
        assert ask(rebuilt.new, f"PRAGMA {pragma}") == [(value,)]


def test_the_report_is_one_and_accounts_for_every_row(rebuilt: Rebuilt) -> None:
    report = rebuilt.report
    assert (report["mode"], report["ok"], report["made"]["path"]) == ("rebuild", True, str(rebuilt.new))
    assert report["source"]["path"] == str(rebuilt.old)
    assert [(rows["table"], rows["count"]) for rows in report["quarantined"]] == [("auth_user_groups", 1)]
    assert all(table["rows_source"] == table["rows_target"] + table["quarantined"] for table in report["tables"])
    for kept in (report["source"]["snapshot"], report["source"]["journal"]):
        assert Path(kept).is_file()
    assert {path.name for path in Path(report["source"]["snapshot"]).parent.iterdir()} == {
        "journal.sqlite3", "report.html", "report.json", "run.log", "snapshot.sqlite3", "snapshot.sqlite3.sha256"
    }  # fmt: skip
    assert json.loads((Path(report["source"]["snapshot"]).parent / "report.json").read_text()) == report
    assert sum(stage["seconds"] for stage in report["stages"]) <= report["seconds"] <= rebuilt.wall
    steps = "\n".join(report["next_steps"])
    assert f"mv -n {rebuilt.new} {rebuilt.old}" in steps
    assert "chmod 640" in steps


def test_the_old_file_is_only_read_and_no_server_is_left(rebuilt: Rebuilt) -> None:
    assert file_sha256(rebuilt.old) == rebuilt.sha256
    assert rebuilt.new.stat().st_mode & 0o777 == 0o600
    assert rebuilt.beside == ["new.sqlite3"]
    assert not embedded.stop(rebuilt.server)


@pytest.mark.parametrize(
    ("target", "more", "says"),
    [
        ("there.sqlite3", (), "there.sqlite3 exists already. Nothing is ever written over a file."),
        ("db.sqlite3", (), "db.sqlite3 exists already."),
        ("nowhere/new.sqlite3", (), "There is no directory"),
        ("/proc/new.sqlite3", (), "/proc/new.sqlite3"),
        ("default", (), "--rebuild is the SQLite file to make, and default names a database."),
        ("new.sqlite3", ("--repair", "all"), "With --rebuild, --fix says what is repaired."),
        ("new.sqlite3", ("--fix", "nonsense"), "nonsense: there is no such rule"),
        ("new.sqlite3", ("--quarantine", "nonsense"), "nonsense: there is no such rule"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything(
    target: str, more: tuple[str, ...], says: str, make_source: MakeSource, tmp_path: Path
) -> None:
    old = Path(shutil.copy(make_source("none"), tmp_path / "db.sqlite3"))
    (tmp_path / "there.sqlite3").write_text("mine")
    before = sorted(tmp_path.iterdir())
    result = rebuild(old, Path(target) if target == "default" else tmp_path / target, *more)
    assert result.returncode == 2
    assert says in " ".join(result.stderr.split())
    assert "No file was made." in result.stderr
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "there.sqlite3").read_text() == "mine"


def test_options_of_a_rebuild_have_no_effect_without_one(python: Run, make_source: MakeSource) -> None:
    result = python("manage.py", "sqlite_doctor", make_source("none"), "--fix", "lossless")
    assert result.returncode == 2
    assert "--fix has no effect without --rebuild." in result.stderr


def test_findings_block_it_and_one_command_goes_on(make_source: MakeSource, tmp_path: Path) -> None:
    new = tmp_path / "new.sqlite3"
    blocked = rebuild(make_source("all"), new, "--report", tmp_path / "report", "--lang", "fr")
    assert blocked.returncode == 1
    assert "Aucun fichier n'a été créé." in " ".join(
        blocked.stdout.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split()
    )
    assert not new.exists()
    (line,) = [line.strip() for line in blocked.stdout.splitlines() if "--rebuild" in line and "--fix" in line]
    words = shlex.split(line)
    words = words[words.index("sqlite_doctor") :]
    assert words[1:4] == [str(make_source("all")), "--rebuild", str(new)]
    done = run_python("manage.py", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ask(new, "SELECT count(*) = count(DISTINCT code) FROM courses_course") == [(1,)]
