"""--dump on a machine without PostgreSQL, --from-dump on one without the SQLite file; and dumps that are none."""

import datetime
import hashlib
import json
import shutil
import sqlite3
import stat
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeSource, Run, Server, run_sql
from tests.integration.dumping import repack, with_manifest
from tests.projects import Project, digest

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1"
SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'migrate_to_pg%'"


def published(url: str) -> tuple[dict[str, list[tuple[Any, ...]]], list[tuple[Any, ...]]]:
    """Every row of every table, as text, and every sequence."""
    tables = [name for (name,) in run_sql(url, TABLES)]
    # Names of tables that the project's own migrations made.
    rows = {name: sorted(run_sql(url, f'SELECT t::text FROM "{name}" t')) for name in tables}
    return rows, run_sql(url, SEQUENCES)


@pytest.fixture
def shapes(tmp_path: Path) -> Project:
    """A project with rows, some ids of which were deleted again."""
    (tmp_path / "here").mkdir()
    made = Project("shapes", tmp_path / "here")
    made.migrate()
    made.sqlite(
        "INSERT INTO keyless (a, b) VALUES (1, 'x'), (1, 'y'), (1, 'y'), (2, 'x'), (1, 'z')",
        "INSERT INTO auth_group (id, name) VALUES (7, 'née'), (40, 'gone')",
        "DELETE FROM auth_group WHERE id = 40",
    )
    return made


@pytest.fixture
def other_machine(tmp_path: Path) -> Project:
    """The same project on another machine: no SQLite file, settings that name PostgreSQL."""
    (tmp_path / "there").mkdir()
    return Project("shapes", tmp_path / "there")


@pytest.fixture
def dump_file(shapes: Project, tmp_path: Path) -> Path:
    file = tmp_path / "carried.dump"
    shapes.run("migrate_to_pg", "--dump", file)
    return file


def test_what_is_published_from_a_dump_is_what_is_published_directly(
    shapes: Project, other_machine: Project, servers: dict[int, Server], tmp_path: Path
) -> None:
    direct, url = servers[18].database(), servers[18].database()
    shapes.move(direct)
    file = tmp_path / "carried.dump"
    before = digest(shapes.source)
    # No server is named, and none would be found.
    told = shapes.run("migrate_to_pg", "--dump", file, PGHOST="nowhere.invalid").stdout
    assert told.startswith("Dumped: ")
    assert digest(shapes.source) == before
    shapes.source.unlink()
    done = other_machine.run("migrate_to_pg", "--from-dump", file, "--verify", DATABASE_URL=url).stdout
    assert "Compared: " in done
    assert f"from the dump {file}" in done
    rows, sequences = published(url)
    assert (rows, sequences) == published(direct)
    assert rows["auth_group"] == [("(7,née)",)]
    assert run_sql(url, "SELECT nextval(pg_get_serial_sequence('auth_group', 'id'))") == [(41,)]


@pytest.mark.full
def test_the_reports_tell_of_the_dump_and_of_the_database_that_it_was_made_of(
    shapes: Project, other_machine: Project, dump_file: Path, postgres_url: str
) -> None:
    assert stat.S_IMODE(dump_file.stat().st_mode) == 0o600
    assert list(dump_file.parent.glob("carried.dump?*")) == []
    written = json.loads(next(shapes.folder.glob("migrate_to_pg_report/*/report.json")).read_text())
    assert (written["ok"], written["mode"]) == (True, "dump")
    sha256 = hashlib.sha256(dump_file.read_bytes()).hexdigest()
    assert written["dump"]["sha256"] == sha256
    assert written["dump"]["bytes"] == dump_file.stat().st_size
    source = {"path": str(shapes.source), "sha256": digest(shapes.source), "bytes": shapes.source.stat().st_size}
    assert written["source"] | source == written["source"]
    assert written["source"]["dump"] is None
    report = other_machine.folder / "report"
    load = ("--from-dump", dump_file, "--target", postgres_url, "--report", report)
    other_machine.run("migrate_to_pg", *load, "--verify", "orm")
    loaded = json.loads((report / "report.json").read_text())
    assert loaded["source"] | source == loaded["source"]
    assert loaded["source"]["dump"] == written["dump"]
    assert loaded["source"]["sha256_after"] == ""
    assert loaded["command"].startswith(f"python manage.py migrate_to_pg --from-dump {dump_file} ")
    assert sha256 in (report / "report.html").read_text()
    # What was published can be verified any day later, against the kept snapshot and against the dump.
    other_machine.run(
        "migrate_to_pg", "--verify-only", "--source", report / "snapshot.sqlite3", "--target", postgres_url
    )
    other_machine.run("migrate_to_pg", "--verify-only", "--from-dump", dump_file, "--target", postgres_url)
    run_sql(postgres_url, "UPDATE auth_group SET name = 'x' WHERE id = 7")
    changed = other_machine.run(
        "migrate_to_pg", "--verify-only", "--from-dump", dump_file, DATABASE_URL=postgres_url, ok=False
    )
    assert changed.returncode == 3
    assert (
        other_machine.run("migrate_to_pg", "--from-dump", dump_file, "--check", "--leftovers", "skip").returncode == 0
    )


def test_findings_go_along_and_are_mended_where_the_dump_is_loaded(
    make_source: MakeSource, manage: Run, postgres_url: str, tmp_path: Path
) -> None:
    source = Path(shutil.copy(make_source("dangling-fk,orphans,code-in-fk"), tmp_path / "source.sqlite3"))
    file = tmp_path / "a.dump"
    told = manage("migrate_to_pg", "--source", source, "--dump", file, "--report", tmp_path / "1").stdout
    assert "faults block the load: repair them before, or give --fix or --quarantine" in told
    source.unlink()
    options = ("--from-dump", file, "--target", postgres_url)
    blocked = manage("migrate_to_pg", *options, "--report", tmp_path / "2", ok=False)
    assert blocked.returncode == 1
    findings = [json.loads((tmp_path / n / "report.json").read_text())["findings"] for n in ("1", "2")]
    assert [f["rule"] for f in findings[0]] == [f["rule"] for f in findings[1]]
    with zipfile.ZipFile(file) as archive:
        assert json.loads(archive.read("manifest.json"))["findings"] == findings[0]
    accepted = ("--fix", "lossy,merge-duplicates", "--quarantine", "all", "--verify", "--report", tmp_path / "3")
    done = manage("migrate_to_pg", *options, *accepted).stdout
    assert "Compared: " in done
    assert "Accounted for: " in done
    # The dump holds the snapshot that was kept, whose journal explains the repairs.
    again = manage("migrate_to_pg", "--verify-only", *options, "--report", tmp_path / "4").stdout
    assert "no difference but what the repairs did" in again


@pytest.mark.full
def test_naive_times_mean_what_they_meant_where_the_dump_was_made(
    other_machine: Project, shapes: Project, dump_file: Path, postgres_url: str
) -> None:
    with zipfile.ZipFile(dump_file) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert (manifest["alias"], manifest["time_zone"]) == ("default", "UTC")
    assert ["auth", "0001_initial"] in manifest["migrations"]
    assert manifest["path"] == str(shapes.source)
    ((written,),) = shapes.sqlite("SELECT max(applied) FROM django_migrations")
    repack(dump_file, with_manifest(lambda manifest: manifest.update(time_zone="Asia/Tokyo", alias="unknown here")))
    other_machine.run("migrate_to_pg", "--from-dump", dump_file, "--target", postgres_url, "--verify")
    told = run_sql(postgres_url, "SELECT max(applied) AT TIME ZONE 'Asia/Tokyo' FROM django_migrations")
    assert told == [(datetime.datetime.fromisoformat(str(written)),)]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--from-dump", "x", "--source", "y"], "--from-dump and --source exclude each other"),
        (["--from-dump", "x", "--lock-source"], "--from-dump and --lock-source exclude each other"),
        (["--from-dump", "x", "--dump", "y"], "--from-dump and --dump exclude each other"),
        (["--from-dump", "x", "--undo"], "--from-dump and --undo exclude each other"),
        (["--from-dump", "x", "--purge"], "--from-dump and --purge exclude each other"),
        (["--from-dump", "."], "is a directory, not a dump"),
        (["--dump", "x", "--fix", "all"], "no --fix, --quarantine or --exclude-data"),
        (["--dump", "x", "--check"], "not allowed with argument"),
        (["--dump", "."], "there is something at that path already"),
        (["--dump", "nowhere/x"], "Make it, or name a file in a directory that is there."),
    ],
)
def test_options_that_contradict_each_other_are_a_matter_of_usage(
    other_machine: Project, options: list[str], told: str
) -> None:
    refused = other_machine.run("migrate_to_pg", *options, ok=False)
    assert refused.returncode == 2
    assert told in refused.stderr


@pytest.mark.full
def test_settings_that_a_dump_has_no_use_for_are_not_asked(shapes: Project, tmp_path: Path, postgres_url: str) -> None:
    given = json.dumps({"SOURCE": str(shapes.source), "FIX": ["all"], "TARGET": postgres_url})
    shapes.run("migrate_to_pg", "--dump", tmp_path / "a.dump", PROJECT_MIGRATE_TO_PG=given)
    shapes.run("migrate_to_pg", "--from-dump", tmp_path / "a.dump", "--rehearse", PROJECT_MIGRATE_TO_PG=given)


def test_a_dump_that_is_there_is_never_overwritten(shapes: Project, dump_file: Path) -> None:
    before = digest(dump_file)
    refused = shapes.run("migrate_to_pg", "--dump", dump_file, ok=False)
    assert refused.returncode == 2
    assert digest(dump_file) == before


@pytest.mark.full
def test_an_index_that_calls_a_function_of_djangos_goes_along(
    shapes: Project, other_machine: Project, tmp_path: Path, postgres_url: str
) -> None:
    def hashed(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    with closing(sqlite3.connect(shapes.source)) as connection:
        connection.create_function("SHA256", 1, hashed, deterministic=True)
        connection.execute("CREATE INDEX hashed ON auth_group (SHA256(name))")
    shapes.run("migrate_to_pg", "--dump", tmp_path / "a.dump")
    report = other_machine.folder / "report"
    options = ("--from-dump", tmp_path / "a.dump", "--target", postgres_url, "--report", report)
    other_machine.run("migrate_to_pg", *options, "--rehearse", "--verify", "--keep")
    with closing(sqlite3.connect(report / "snapshot.sqlite3")) as connection:
        connection.create_function("SHA256", 1, hashed, deterministic=True)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.full
def test_a_damaged_file_is_not_dumped(make_source: MakeSource, manage: Run, tmp_path: Path) -> None:
    source = tmp_path / "source.sqlite3"
    shutil.copy(make_source("none"), source)
    with source.open("r+b") as file:
        # The number of free pages, of which it has none: every row can still be read.
        file.seek(36)
        file.write((5).to_bytes(4, "big"))
    refused = manage(
        "migrate_to_pg", "--source", source, "--dump", tmp_path / "a.dump", "--report", tmp_path / "r", ok=False
    )
    assert refused.returncode == 1
    # What was found is a result: it is on stdout.
    assert refused.stdout.startswith("The file is damaged: a dump of what can still be read would hide that.")
    assert "Traceback" not in refused.stderr
    assert not list(tmp_path.glob("a.dump*"))


# --- what is no dump ---


@pytest.fixture
def check_refused(other_machine: Project, postgres_url: str) -> Callable[[Path, str], None]:
    """Refused with one sentence, and nothing but a report written anywhere."""

    def check(file: Path, sentence: str) -> None:
        report = other_machine.folder / "report"
        options = ("--from-dump", file, "--target", postgres_url, "--report", report)
        refused = other_machine.run("migrate_to_pg", *options, ok=False)
        assert refused.returncode == 1, refused.stderr
        assert sentence in refused.stderr.replace("\n", " ")
        assert sorted(path.name for path in report.iterdir()) == ["report.html", "report.json", "run.log"]
        assert json.loads((report / "report.json").read_text())["target"] is None
        assert run_sql(postgres_url, TABLES) == run_sql(postgres_url, SCHEMAS) == []

    return check


def test_what_is_no_dump_is_refused_before_anything_is_written(
    check_refused: Callable[[Path, str], None], shapes: Project, dump_file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    check_refused(other, "There is no dump at")
    check_refused(shapes.source, "is no dump of migrate_to_pg, or its end is missing")
    raw = dump_file.read_bytes()
    other.write_bytes(raw[:-1])
    check_refused(other, "is no dump of migrate_to_pg, or its end is missing")
    other.write_bytes(raw[:5000] + bytes([raw[5000] ^ 1]) + raw[5001:])
    check_refused(other, "its SHA-256 is not the one at its end")
    repack(dump_file, lambda members: [("../x", b""), *members])
    check_refused(dump_file, "its members are not those of the manifest: ../x")
