"""--exclude-data, and the settings that stand for options."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import MakeSource, Query, Run, run_sql
from tests.projects import Project, digest
from tests.tiers import first_in_ci

LEFT_OUT = "django_session,attributions.HistoricalTeacher,axes_accesslog"


@pytest.fixture
def source(make_source: MakeSource, tmp_path: Path) -> Path:
    return Path(shutil.copy(make_source("none"), tmp_path / "db.sqlite3"))


def test_excluded_rows_stay_behind_and_are_told_while_their_tables_are_made(
    source: Path, postgres_url: str, manage: Run, sqlite: Query, tmp_path: Path
) -> None:
    sqlite(source, "INSERT OR REPLACE INTO django_session VALUES ('k', 'd', '2030-01-01 00:00:00')")
    before = digest(source)
    options = ("--source", source, "--target", postgres_url, "--exclude-data", LEFT_OUT)
    report = tmp_path / "report"
    done = manage("migrate_to_pg", *options, "--verify", "orm", "--report", report)
    assert "Left out by --exclude-data: " in done.stdout
    assert "django_session (1 row)" in done.stdout
    assert digest(source) == before
    assert run_sql(postgres_url, "SELECT count(*) FROM django_session") == [(0,)]
    assert run_sql(postgres_url, "SELECT count(*) > 0 FROM courses_course") == [(True,)]
    told = json.loads((report / "report.json").read_text())
    assert {table["name"] for table in told["excluded"]} == {
        "django_session", "attributions_historicalteacher", "axes_accesslog",
    }  # fmt: skip
    assert "django_session" not in {table["name"] for table in told["tables"]}
    assert "Left out by --exclude-data" in (report / "report.html").read_text()
    assert f"--exclude-data {LEFT_OUT}" in told["command"]
    manage("migrate_to_pg", "--verify-only", *options)
    again = manage("migrate_to_pg", "--verify-only", *options[:4])
    assert f"Left out, as when this was published: {LEFT_OUT.replace(',', ', ')}." in again.stderr
    assert "django_session (1 row)" in again.stdout
    other = manage("migrate_to_pg", "--verify-only", *options[:4], "--exclude-data", "axes_accesslog", ok=False)
    assert f"Left out as asked, axes_accesslog; when this was published, it was {LEFT_OUT.replace(',', ', ')}." in (
        other.stderr
    )
    run_sql(postgres_url, "ALTER TABLE migrate_to_pg.publication DROP COLUMN left_out")  # of an earlier version
    unknown = manage("migrate_to_pg", "--verify-only", *options[:4], ok=False)
    assert unknown.returncode == 3
    assert "django_session" in unknown.stdout
    manage("migrate_to_pg", *options, "--replace")
    manage("migrate_to_pg", "--verify-only", *options[:4])


@pytest.mark.full
def test_the_next_id_of_an_excluded_table_goes_on_all_the_same(
    source: Path, postgres_url: str, manage: Run, sqlite: Query
) -> None:
    sqlite(source, "INSERT INTO django_admin_log VALUES (41, 'x', 'x', 1, '', NULL, 1, '2026-01-01 00:00:00')")
    manage("migrate_to_pg", "--source", source, "--target", postgres_url, "--exclude-data", "admin.LogEntry")
    assert run_sql(postgres_url, "SELECT nextval(pg_get_serial_sequence('django_admin_log', 'id'))") == [(42,)]


@pytest.mark.parametrize("mode", first_in_ci("--check", "--rehearse"))
def test_rows_that_are_referred_to_cannot_be_left_out(source: Path, postgres_url: str, manage: Run, mode: str) -> None:
    options = ("--source", source, "--target", postgres_url, "--exclude-data", "courses.Course")
    refused = manage("migrate_to_pg", mode, *options, ok=False)
    assert refused.returncode == 1
    assert "attributions_attribution.course_id: 400 rows refer to courses_course" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("courses.Nothing", "there is no such model or table"),
        ("nothing", "there is no such model or table"),
        ("django_migrations", "would not know which migrations"),
    ],
)
def test_a_name_that_cannot_be_left_out_is_a_matter_of_usage(source: Path, manage: Run, name: str, told: str) -> None:
    refused = manage("migrate_to_pg", "--source", source, "--check", "--exclude-data", name, ok=False)
    said = refused.stdout + refused.stderr
    assert refused.returncode == 2
    assert told in said
    assert ("courses_course, " in said) == ("no such" in told)
    assert "or a table: django_migrations" not in said
    assert ", django_migrations" not in said


@pytest.mark.full
def test_settings_stand_for_options_and_the_command_line_goes_first(stray_rows: Project, postgres_url: str) -> None:
    given = {"TARGET": postgres_url, "VERIFY": "cells", "EXCLUDE_DATA": ["stray.Thing"], "JOBS": 1}
    done = stray_rows.run("migrate_to_pg", "--rehearse", PROJECT_MIGRATE_TO_PG=json.dumps(given))
    assert "Compared: " in done.stdout
    assert "Left out by --exclude-data: stray_thing (2 rows)" in done.stdout
    done = stray_rows.run("migrate_to_pg", "--rehearse", "--verify", "counts", PROJECT_MIGRATE_TO_PG=json.dumps(given))
    assert "Compared: " not in done.stdout
    assert run_sql(postgres_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


@pytest.mark.parametrize(
    ("given", "told"),
    first_in_ci(
        ({"SOURCES": "x"}, "MIGRATE_TO_PG['SOURCES'] is no setting of this command."),
        ({"VERIFY": "all"}, "MIGRATE_TO_PG['VERIFY'] cannot be 'all'."),
        ({"FIX": [1]}, "MIGRATE_TO_PG['FIX'] cannot be [1]."),
        ({"JOBS": True}, "MIGRATE_TO_PG['JOBS'] cannot be True."),
        ({"TARGET": ""}, "MIGRATE_TO_PG['TARGET'] cannot be ''."),
        (["SOURCE"], "MIGRATE_TO_PG in the settings is no dictionary."),
        count=2,
    ),
)
def test_a_setting_that_means_nothing_is_said(
    stray_rows: Project, given: dict[str, object] | list[str], told: str
) -> None:
    refused = stray_rows.run("migrate_to_pg", "--check", ok=False, PROJECT_MIGRATE_TO_PG=json.dumps(given))
    assert refused.returncode == 2
    assert told in refused.stderr


def test_a_rehearsal_says_that_the_project_can_move(stray_rows: Project, postgres_url: str) -> None:
    done = stray_rows.run("migrate_to_pg", "--rehearse", "--target", postgres_url, "--verify")
    first = done.stdout.splitlines()[0]
    assert first.startswith("Your project can move: ")
    assert " rows in " in first
    assert first.endswith("0 findings. Nothing was published.")


@pytest.mark.full
def test_a_snapshot_that_was_kept_is_not_written_over(stray_rows: Project, postgres_url: str, tmp_path: Path) -> None:
    """It is the backup of a publication, and the record of its repairs lies beside it."""
    report = tmp_path / "kept"
    stray_rows.move(postgres_url, "--report", str(report))
    before = (report / "snapshot.sqlite3").read_bytes()
    for again in (("--replace",), ("--rehearse", "--keep"), ("--check", "--keep")):
        refused = stray_rows.move(postgres_url, "--report", str(report), *again, ok=False)
        assert refused.returncode == 2
        assert "is the snapshot that an earlier run kept" in refused.stdout + refused.stderr
    stray_rows.move(postgres_url, "--report", str(report), "--rehearse")
    assert (report / "snapshot.sqlite3").read_bytes() == before


def test_check_does_not_say_of_a_table_that_a_migration_may_make_it_that_none_does(stray_rows: Project) -> None:
    stray_rows.sqlite("CREATE TABLE made_somehow (id integer)")
    told = stray_rows.run("migrate_to_pg", "--check").stdout
    assert "A migration may make it by RunSQL" in " ".join(told.split())
    assert "DROP TABLE" not in told
