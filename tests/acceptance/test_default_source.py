"""Which SQLite database is moved where the command line names none: never a guess where there is a choice."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Query
from tests.projects import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose settings read DATABASE_URL: one row in data/app.sqlite3, none in the old db.sqlite3."""
    made = Project("stray", tmp_path)
    made.migrate()
    (tmp_path / "data").mkdir()
    shutil.copy(made.source, tmp_path / "data" / "app.sqlite3")
    made.sqlite("INSERT INTO stray_thing (name) VALUES ('old')", "INSERT INTO stray_thing (name) VALUES ('older')")
    return made


@pytest.fixture
def app_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'data' / 'app.sqlite3'}"


def first_line(result: subprocess.CompletedProcess[str]) -> str:
    return result.stderr.splitlines()[0]


def test_rows_are_those_of_tables_wherever_they_are_told(tmp_path: Path, postgres_url: str) -> None:
    ready = Project("ready", tmp_path)
    ready.migrate()
    ready.sqlite(
        "CREATE TABLE by_hand (id integer PRIMARY KEY, note text)",
        "INSERT INTO by_hand (note) VALUES ('a'), ('b'), ('c')",
        "CREATE VIEW seen AS SELECT * FROM by_hand UNION ALL SELECT * FROM by_hand",
        "CREATE VIRTUAL TABLE searched USING fts5(note)",
        "INSERT INTO searched SELECT note FROM by_hand",
    )
    tables = [
        name
        for (name,) in ready.sqlite("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
        if not str(name).startswith("sqlite_")
    ]
    rows = sum(int(str(ready.sqlite(f'SELECT count(*) FROM "{name}"')[0][0])) for name in tables)
    # Read as it lies there: the project's own start writes a row.
    copies = [shutil.copy(ready.source, tmp_path / name) for name in ("a.sqlite3", "b.sqlite3")]
    candidates = ready.run("migrate_to_pg", "--check", ok=False, DATABASE_URL=postgres_url).stderr
    assert all(f"{path}: {rows} rows, last changed" in candidates for path in copies)
    report = ("--source", copies[0], "--target", postgres_url, "--report")
    rehearsed = ready.run("migrate_to_pg", "--rehearse", *report, tmp_path / "rehearsed")
    assert f"{len(tables)} tables, {rows} rows" in rehearsed.stderr
    assert f" {rows} rows in {len(tables)} tables, " in rehearsed.stdout.splitlines()[0]
    assert f"{len(tables)} tables, {rows} rows" in rehearsed.stdout
    ready.run("migrate_to_pg", *report, tmp_path / "moved")
    verified = ready.run("migrate_to_pg", "--verify-only", *report, tmp_path / "verified").stdout
    assert f"{rows} rows in {len(tables)} tables" in verified.splitlines()[0]
    doctor = ready.run("sqlite_doctor", copies[0], ok=False).stdout
    assert f"{len(tables)} tables" in doctor
    assert f"{rows} rows" in doctor


def test_the_move_takes_the_file_that_was_rehearsed(
    project: Project, app_url: str, postgres_url: str, execute: Query, tmp_path: Path
) -> None:
    rehearsed = project.run("migrate_to_pg", "--rehearse", "--target", postgres_url, DATABASE_URL=app_url)
    path = tmp_path / "data" / "app.sqlite3"
    assert first_line(rehearsed) == f"Source: {path} (the settings' database 'default')."
    moved = project.run("migrate_to_pg", "--verify", DATABASE_URL=postgres_url)
    assert first_line(moved) == f"Source: {path} (as in the last run)."
    assert first_line(moved) in " ".join(moved.stdout.split()[:40])
    assert execute(postgres_url, "SELECT count(*) FROM stray_thing") == [(0,)]
    told = json.loads(next(tmp_path.glob("migrate_to_pg_report/*/report.json")).read_text())
    assert told["source_choice"].startswith("Source: ")


def test_the_only_file_of_a_project_needs_no_name(
    project: Project, postgres_url: str, execute: Query, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "data")
    environment = tmp_path / "environment"
    environment.mkdir()
    (environment / "pyvenv.cfg").touch()
    for other in (environment, tmp_path / ".cache"):
        other.mkdir(exist_ok=True)
        shutil.copy(project.source, other / "other.sqlite3")
    moved = project.run("migrate_to_pg", "--verify", DATABASE_URL=postgres_url)
    assert first_line(moved) == f"Source: {project.source} (the project's only SQLite file)."
    assert execute(postgres_url, "SELECT count(*) FROM stray_thing") == [(2,)]


@pytest.mark.parametrize("arguments", [("migrate_to_pg",), ("migrate_to_pg", "--check"), ("sqlite_doctor",)])
def test_where_there_is_a_choice_the_candidates_are_listed(
    project: Project, postgres_url: str, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    refused = project.run(*arguments, ok=False, DATABASE_URL=postgres_url)
    assert refused.returncode == 2
    said = refused.stderr.splitlines()
    assert said[0] == "Error: No SQLite database was named, and more than one file may be meant."
    rows = dict(zip(("data/app.sqlite3", "db.sqlite3"), (said[1], said[2]), strict=True))
    assert all(f"{tmp_path / name}: " in line and ", last changed 20" in line for name, line in rows.items())
    counts = [int(line.split(": ")[1].split()[0]) for line in rows.values()]
    assert counts[1] == counts[0] + 2
    assert not list(tmp_path.glob("migrate_to_pg_report/2*"))


def test_a_source_that_is_gone_is_not_replaced_by_another_one(
    project: Project, app_url: str, postgres_url: str, tmp_path: Path
) -> None:
    project.run("migrate_to_pg", "--check", DATABASE_URL=app_url)
    (tmp_path / "data" / "app.sqlite3").unlink()
    refused = project.run("migrate_to_pg", ok=False, DATABASE_URL=postgres_url)
    assert refused.returncode == 2
    assert f"{project.source}: " in refused.stderr


@pytest.mark.full
def test_another_file_than_the_rehearsed_one_must_be_named(
    project: Project, app_url: str, postgres_url: str, execute: Query, tmp_path: Path
) -> None:
    project.run("migrate_to_pg", "--rehearse", "--target", postgres_url, DATABASE_URL=app_url)
    for given in ({}, {"PROJECT_MIGRATE_TO_PG": json.dumps({"SOURCE": str(project.source)})}):
        refused = project.run("migrate_to_pg", "--target", postgres_url, ok=False, **given)
        assert refused.returncode == 2
        assert f"took {tmp_path / 'data' / 'app.sqlite3'}; this run would move {project.source}." in refused.stderr
    named = project.run("migrate_to_pg", "--target", postgres_url, "--source", project.source)
    assert first_line(named) == f"Source: {project.source} (named with --source)."
    assert execute(postgres_url, "SELECT count(*) FROM stray_thing") == [(2,)]


def test_the_settings_name_it_before_and_after(project: Project, app_url: str, postgres_url: str) -> None:
    given = {"PROJECT_MIGRATE_TO_PG": json.dumps({"SOURCE": str(project.source)})}
    project.run("migrate_to_pg", "--rehearse", "--target", postgres_url, DATABASE_URL=app_url, ok=True, **given)
    moved = project.run("migrate_to_pg", DATABASE_URL=postgres_url, ok=True, **given)
    assert first_line(moved) == f"Source: {project.source} (named by MIGRATE_TO_PG['SOURCE'])."


@pytest.mark.parametrize("note", ["", "[]", '{"check": {"path": 1}}', '{"check": 7}'])
def test_a_note_that_cannot_be_read_counts_for_nothing(
    project: Project, postgres_url: str, tmp_path: Path, note: str
) -> None:
    (tmp_path / "migrate_to_pg_report").mkdir()
    (tmp_path / "migrate_to_pg_report" / "sources.json").write_text(note)
    assert project.run("migrate_to_pg", ok=False, DATABASE_URL=postgres_url).returncode == 2


def test_a_note_that_cannot_be_written_leaves_no_file_behind(project: Project, app_url: str, tmp_path: Path) -> None:
    reports = tmp_path / "migrate_to_pg_report"
    (reports / "sources.json").mkdir(parents=True)
    assert project.run("migrate_to_pg", "--check", DATABASE_URL=app_url).returncode == 0
    assert [path.name for path in reports.glob("sources.json*")] == ["sources.json"]
