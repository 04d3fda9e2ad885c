"""Which runs leave a directory with a report, and which of those --purge removes."""

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Query, Server
from tests.projects import Project
from tests.tiers import first_in_ci

REPORTS = "migrate_to_pg_report"


def runs(project: Project) -> list[Path]:
    """The directories of runs, the oldest first."""
    return sorted(path for path in (project.folder / REPORTS).glob("*") if path.is_dir())


REFUSED = (
    ("--check", "--fix", "no-such-rule"),
    ("--check", "--exclude-data", "nothing_of_that_name"),
    ("--check", "--as-leftovers", "nothing_of_that_name"),
    ("--rehearse", "--target", "nobody"),
    ("--rehearse", "--target", "postgres://u:p@127.0.0.1:1/d"),
    ("--rehearse", "--target", "{url}_missing"),
    ("--rehearse", "--target", "{url}", "--publish-to", "x" * 70),
    ("--rehearse", "--target", "{url}", "--owner", "nobody_of_that_name"),
    ("--verify-only", "--target", "{url}_missing"),
    ("--rehearse", "--undo"),
    ("--nothing",),
)


@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
@pytest.mark.parametrize("report", first_in_ci("of/mine", None))
def test_a_run_that_is_refused_leaves_no_directory(
    stray: Project, postgres_url: str, arguments: tuple[str, ...], report: str | None
) -> None:
    words = [word.format(url=postgres_url) for word in arguments]
    before = sorted(stray.folder.rglob("*"))
    more = () if report is None else ("--report", stray.folder / report)
    told = stray.run("migrate_to_pg", *words, *more, ok=False)
    assert told.returncode in (1, 2)
    assert told.stdout + told.stderr
    # Which source was read is noted for the next run, where a copy of it was made before the fault was seen.
    made = {path.relative_to(stray.folder).as_posix() for path in stray.folder.rglob("*") if path not in before}
    assert made <= {REPORTS, f"{REPORTS}/.gitignore", f"{REPORTS}/sources.json"}
    assert not made or "nothing_of_that_name" in words


def test_a_directory_that_was_there_stays_with_what_is_in_it(stray: Project, postgres_url: str) -> None:
    place = stray.folder / "of" / "mine"
    stray.run("migrate_to_pg", "--check", "--report", place)
    kept = {path.name: path.read_bytes() for path in place.iterdir()}
    assert "report.json" in kept
    stray.run("migrate_to_pg", "--rehearse", "--target", f"{postgres_url}_missing", "--report", place, ok=False)
    assert {path.name: path.read_bytes() for path in place.iterdir()} == kept


def test_a_run_that_began_leaves_its_report_whatever_became_of_it(
    stray: Project, postgres_url: str, execute: Query
) -> None:
    execute(postgres_url, "CREATE TABLE stray_thing (id int); INSERT INTO stray_thing VALUES (1)")
    stray.run("migrate_to_pg", "--source", stray.source, "--target", postgres_url, ok=False)
    (left,) = runs(stray)
    assert json.loads((left / "report.json").read_text())["failure"]["exit_status"] == 1


@pytest.fixture
def old_runs(stray: Project, postgres_url: str, servers: dict[int, Server]) -> dict[str, Path]:
    """Label -> the directory of a run."""
    other = servers[18].database()

    def run(*arguments: str) -> Path:
        before = runs(stray)
        stray.run("migrate_to_pg", "--source", stray.source, *arguments)
        (new,) = set(runs(stray)) - set(before)
        return new

    aim = ("--target", postgres_url)
    made = {
        "check": run("--check"),
        "kept": run("--check", "--keep"),
        "rehearsal": run("--rehearse", *aim),
        "rehearsal elsewhere": run("--rehearse", "--target", other),
        "publication": run(*aim),
        "verification": run("--verify-only", *aim),
        "with a note of mine": run("--check"),
    }
    (made["with a note of mine"] / "note.txt").write_text("Look at this one.")
    now = datetime.now()
    for label, began in (("killed now", now), ("killed", now - timedelta(days=2))):
        made[label] = stray.folder / REPORTS / began.strftime("%Y%m%d-%H%M%S-99")
        made[label].mkdir()
    made["going on"] = stray.folder / REPORTS / (now - timedelta(days=3)).strftime("%Y%m%d-%H%M%S")
    made["going on"].mkdir()
    (made["going on"] / f"snapshot.sqlite3.{os.getpid()}.unfinished").write_text("")
    made["not a run's"] = stray.folder / REPORTS / "mine"
    made["not a run's"].mkdir()
    return made


GO = {"check", "kept", "rehearsal", "verification", "killed"}


def test_purge_offers_and_removes_the_directories_of_runs_that_published_nothing(
    stray: Project, old_runs: dict[str, Path], postgres_url: str
) -> None:
    offered = stray.run("migrate_to_pg", "--purge", "--target", postgres_url, ok=False)
    listed = {label for label, path in old_runs.items() if f"report {path} (" in offered.stdout}
    assert listed == GO
    assert f"report {old_runs['rehearsal']} (rehearse, " in offered.stdout
    assert all(path.exists() for path in old_runs.values())
    stray.run("migrate_to_pg", "--purge", "--target", postgres_url, "--no-input")
    assert {label for label, path in old_runs.items() if not path.exists()} == GO
    # What the next run goes by is not among it.
    assert (stray.folder / REPORTS / "sources.json").exists()
    assert "nothing to remove" in stray.run("migrate_to_pg", "--purge", "--target", postgres_url, "--no-input").stdout


@pytest.mark.full
def test_a_copy_that_a_run_kept_because_its_source_was_gone_is_not_removed(
    stray: Project, old_runs: dict[str, Path], postgres_url: str
) -> None:
    report = old_runs["kept"] / "report.json"
    told = json.loads(report.read_text()) | {"ok": False}
    report.write_text(json.dumps(told))
    stray.run("migrate_to_pg", "--purge", "--target", postgres_url, "--no-input")
    assert Path(old_runs["kept"] / "snapshot.sqlite3").exists()
    assert not old_runs["check"].exists()


@pytest.mark.full
def test_reports_and_dated_schemas_are_told_by_one_clock(stray: Project, postgres_url: str) -> None:
    """That of the project (TIME_ZONE is Django's own, America/Chicago), whatever the server's and UTC are."""
    for more in ((), ("--replace",)):
        stray.run("migrate_to_pg", "--source", stray.source, "--target", postgres_url, *more)
    with psycopg.connect(postgres_url) as connection:
        query = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'migrate_to_pg_replaced_%'"
        ((schema,),) = connection.execute(query).fetchall()
    moved = [json.loads((run / "report.json").read_text()) for run in runs(stray)]
    began = datetime.fromisoformat(moved[-1]["started"])
    assert began.utcoffset() != timedelta(0)
    assert f"{began:%Y%m%d-%H%M%S}" in runs(stray)[-1].name
    replaced = datetime.strptime(schema.removeprefix("migrate_to_pg_replaced_"), "%Y%m%d_%H%M%S")
    assert began.replace(tzinfo=None) <= replaced < began.replace(tzinfo=None) + timedelta(hours=1)


@pytest.mark.full
def test_a_schema_that_an_earlier_version_called_by_utc_is_known_all_the_same(
    stray: Project, postgres_url: str
) -> None:
    for more in ((), ("--replace",), ("--replace",)):
        stray.run("migrate_to_pg", "--source", stray.source, "--target", postgres_url, *more)
    dated = "SELECT nspname FROM pg_namespace WHERE nspname ~ '^migrate_to_pg_(replaced|undone)_' ORDER BY 1"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for (schema,) in connection.execute(dated).fetchall():
            local = datetime.strptime(schema.removeprefix("migrate_to_pg_replaced_"), "%Y%m%d_%H%M%S").astimezone()
            earlier = f"migrate_to_pg_replaced_{local + timedelta(hours=6):%Y%m%d_%H%M%S}"
            connection.execute(f"ALTER SCHEMA {schema} RENAME TO {earlier}")
            connection.execute(
                "UPDATE migrate_to_pg.publication SET archive = %s WHERE archive = %s", [earlier, schema]
            )
        stray.run("migrate_to_pg", "--undo", "--target", postgres_url)
        assert len(connection.execute(dated).fetchall()) == 2
        stray.run("migrate_to_pg", "--purge", "--no-input", "--target", postgres_url)
        assert connection.execute(dated).fetchall() == []
