"""The commands agree about every project: what --check, --dump and the doctor find is what the move finds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
import psycopg
import pytest

from migrate_to_pg.rules.doctor_findings import DOCTOR_RULES
from migrate_to_pg.rules.run_findings import RUN_RULES
from tests.conftest import Server
from tests.integration.repairing import backups
from tests.projects import ROOT, Project, digest
from tests.tiers import first_in_ci, these_in_ci

#: Found by one kind of command alone: of the file, by a verification, by the models on PostgreSQL.
OF_ONE = {rule.id for rule in (*DOCTOR_RULES, *RUN_RULES)}
#: What the settings of one of the projects read.
NEEDED = {"ROAMING_SECRET": "of theirs"}
#: Two rows of what is unique on one database alone, and rows for a column that PostgreSQL alone has.
DIFFERING = (
    "INSERT INTO vendor_content (language, page, slug, note) VALUES ('fr', 1, 'a', NULL), ('fr', 1, 'a', 'x')",
    "INSERT INTO vendor_entry (body) VALUES ('words')",
)
#: Rows that --check must not tell to be deleted or changed: the move takes them.
TAKEN = (
    "INSERT INTO vendor_content (language, page, slug, note) VALUES ('fr', 1, 'a', 'x'), ('fr', 1, 'b', 'x')",
    "INSERT INTO vendor_label (code) VALUES ('longer than three')",
)


#: Rows that PostgreSQL takes by the types that SQL gave their columns there, and such as it does not take.
RETYPED = (
    "INSERT INTO moved_score (points, word, note) VALUES (1099511627776, 'longer than three', 'x')",
    "INSERT INTO moved_author VALUES (1, 'a')",
    "INSERT INTO moved_book VALUES (1, 'b')",
    "INSERT INTO moved_authorbook (author_id, book_id, role) VALUES (1, 1, 'author')",
    "INSERT INTO moved_kept VALUES (1, 1)",
    "INSERT INTO elsewhere_taken VALUES (1, 1)",
    "INSERT INTO moved_by_introspection VALUES (1, 1)",
)
REFUSED = (
    "INSERT INTO moved_score (points, word, note) VALUES (1, 'x', NULL)",
    "INSERT INTO moved_authorbook (author_id, book_id, role) VALUES (1, 1, 'editor')",
)


def projects() -> list[Any]:
    """Every project that can be moved to a server without extensions, and as it is."""
    folder = ROOT / "tests" / "projects"
    not_moved = ("refused", "unmade", "geometry")
    names = sorted(path.parent.name for path in folder.glob("*/settings.py") if path.parent.name not in not_moved)
    names.remove("extension")
    return these_in_ci(names, "fields")


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Project]:
    def made(name: str, *statements: str) -> Project:
        project = Project(name, tmp_path)
        project.migrate(**NEEDED)
        if statements:
            project.sqlite(*statements)
        return project

    return made


def found(
    project: Project, *arguments: str | Path, **variables: str
) -> set[tuple[str, str, str | None, str | None, int]]:
    """What a command finds, apart from what only its kind of command can."""
    told = json.loads(project.run(*arguments, "--json", ok=False, **NEEDED, **variables).stdout)
    return {
        (finding["rule"], finding["level"], finding["table"], finding["column"], finding["count"])
        for finding in told["findings"]
        # What only an older server lacks, a run asks of its own.
        if finding["rule"] not in OF_ONE and (finding["rule"], finding["level"]) != ("system-check", "warning")
    }


def require_agreement(project: Project, url: str, *options: str) -> set[tuple[str, str, str | None, str | None, int]]:
    moved = found(project, "migrate_to_pg", "--rehearse", "--target", url, *options)
    assert found(project, "migrate_to_pg", "--check") == moved
    dump = project.folder / "d.migrate_to_pg"
    assert found(project, "migrate_to_pg", "--dump", dump) == moved
    dump.unlink()
    # What only PostgreSQL's Django refuses is no fault of the SQLite database.
    assert found(project, "sqlite_doctor") == {finding for finding in moved if finding[0] != "system-check"}
    return moved


@pytest.mark.parametrize("name", projects())
def test_a_healthy_project_is_judged_alike_and_nothing_of_it_is_repaired(
    name: str, project: Callable[..., Project], postgres_url: str
) -> None:
    healthy = project(name)
    # Its migrations speak SQLite alone.
    options = ("--schema", "models") if name == "dialect" else ()
    moved = require_agreement(healthy, postgres_url, *options)
    assert not {finding for finding in moved if finding[0] == "schema-drift"}
    before = digest(healthy.source)
    repaired = json.loads(healthy.run("sqlite_doctor", "--repair", "all", "--json", ok=False, **NEEDED).stdout)
    assert repaired["repair"]["repaired"] == []
    assert backups(healthy.source) == []
    # One project writes a row whenever it starts.
    assert name == "ready" or digest(healthy.source) == before


def test_what_differs_by_database_is_judged_as_postgresql_has_it(
    project: Callable[..., Project], postgres_url: str
) -> None:
    errors = {("null-in-not-null", "note"), ("duplicate-key", "slug"), ("missing-column", "words")}
    moved = require_agreement(project("vendor", *DIFFERING), postgres_url)
    assert {(rule, column) for rule, level, _, column, _ in moved if level == "error"} == errors


def test_rows_under_a_constraint_that_was_dropped_in_the_database_alone_are_moved(
    project: Callable[..., Project], postgres_url: str
) -> None:
    vendor = project("vendor", *TAKEN)
    moved = require_agreement(vendor, postgres_url)
    assert {level for _, level, *_ in moved} == {"warning"}
    # Nor does it matter that the settings are PostgreSQL's by now: there the model of a content type is none any more.
    assert vendor.sqlite("SELECT count(*) FROM django_content_type WHERE model = 'search'") == [(1,)]
    assert not {rule for rule, *_ in moved} & {"schema-drift", "content-type-gone", "extra-column"}
    arguments = ("migrate_to_pg", "--check", "--source", vendor.source)
    assert found(vendor, *arguments, DATABASE_URL=postgres_url) == moved


@pytest.mark.full
def test_what_migrations_rename_retype_and_hand_on_by_sql_is_known_without_a_server(
    project: Callable[..., Project], postgres_url: str
) -> None:
    """A many-to-many table that got a model, a model that another application took, as Django documents it."""
    moved = project("moved", *RETYPED)
    assert require_agreement(moved, postgres_url) == set()
    moved.sqlite(*REFUSED)
    errors = {(rule, level, table, column) for rule, level, table, column, _ in require_agreement(moved, postgres_url)}
    assert errors == {
        ("null-in-not-null", "error", "moved_score", "note"),
        # SQLite's table was made anew without it.
        ("duplicate-key", "error", "moved_authorbook", "book_id, author_id"),
    }


def test_what_django_refuses_on_postgresql_stops_every_command(
    project: Callable[..., Project], servers: dict[int, Server]
) -> None:
    refused, url = project("refused"), servers[18].database()
    moved = require_agreement(refused, url)
    told = {(rule, level, column) for rule, level, _, column, _ in moved}
    assert ("system-check", "error", "") in told
    # Since 6.1 Django knows that PostgreSQL 18 computes columns when they are read.
    assert (("system-check", "error", "twice") in told) == (django.VERSION < (6, 1))
    silenced = {"REFUSED_SILENCED": "models.E018,fields.E221"}
    for arguments in (("--check",), ("--rehearse", "--target", url)):
        assert refused.run("migrate_to_pg", *arguments, ok=False, **silenced).returncode == 0
    # An older server does not even take the column.
    older = refused.run("migrate_to_pg", "--rehearse", "--target", servers[16].database(), ok=False)
    assert (older.returncode, "fields.E221" in older.stderr) == (1, True)


@pytest.mark.parametrize("lost", first_in_ci(4096, 3))
def test_a_truncated_file_is_the_first_error_of_every_command(
    lost: int, project: Callable[..., Project], postgres_url: str
) -> None:
    """SQLite reads zeros there, and finds the file sound."""
    cut = project("vendor", *TAKEN)
    os.truncate(cut.source, cut.source.stat().st_size - lost)
    before, dump = digest(cut.source), cut.folder / "d.migrate_to_pg"
    target = ("--target", postgres_url)
    for arguments in (
        ("migrate_to_pg", "--check"), ("migrate_to_pg", "--rehearse", *target), ("migrate_to_pg", *target),
        ("migrate_to_pg", "--dump", dump), ("sqlite_doctor",), ("sqlite_doctor", "--repair", "all"),
    ):  # fmt: skip
        told = cut.run(*arguments, ok=False)
        said = " ".join((told.stdout + told.stderr).split())
        assert (told.returncode, "is cut short" in said) == (1, True), arguments
    assert digest(cut.source) == before
    assert backups(cut.source) == []
    assert not dump.exists()
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_class WHERE oid >= 16384").fetchone() == (0,)


@pytest.mark.full
@pytest.mark.parametrize("reserved", [8, 1, 255])
def test_a_file_that_claims_reserved_bytes_is_read_by_no_command_as_a_sound_one(
    reserved: int, project: Callable[..., Project], postgres_url: str
) -> None:
    """The byte at 20 says how much of each page is nobody's: SQLite then reads long values from other places."""
    wrong = project("vendor", *TAKEN, f"INSERT INTO vendor_entry (body) VALUES ('{'long ' * 2000}')")
    with wrong.source.open("r+b") as file:
        file.seek(20)
        file.write(bytes([reserved]))
    before, dump = digest(wrong.source), wrong.folder / "d.migrate_to_pg"
    target = ("--target", postgres_url)
    for arguments in (
        ("migrate_to_pg", "--check"), ("migrate_to_pg", "--rehearse", *target), ("migrate_to_pg", *target),
        ("sqlite_doctor",), ("sqlite_doctor", "--repair", "all"),
    ):  # fmt: skip
        assert wrong.run(*arguments, ok=False).returncode == 1, arguments
    # A dump takes findings along, which then stop the load.
    if wrong.run("migrate_to_pg", "--dump", dump, ok=False).returncode == 0:
        assert wrong.run("migrate_to_pg", "--from-dump", dump, *target, ok=False).returncode == 1
    assert digest(wrong.source) == before
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_class WHERE oid >= 16384").fetchone() == (0,)


def test_without_a_server_what_an_older_one_lacks_is_a_warning(project: Callable[..., Project]) -> None:
    """Before 6.1 Django asks no version."""
    told = json.loads(project("refused").run("migrate_to_pg", "--check", "--json", ok=False).stdout)
    (twice,) = [finding for finding in told["findings"] if finding["column"] == "twice"]
    assert (twice["rule"], twice["level"]) == ("system-check", "error" if django.VERSION < (6, 1) else "warning")
    assert "No server was asked" in twice["explanation"]


LOST = "auth_user_groups_group_id_97559544"


@pytest.mark.full
def test_what_a_variable_makes_of_the_migrations_is_not_remembered_for_another_value(
    project: Callable[..., Project],
) -> None:
    stray = project("stray")
    made = found(stray, "migrate_to_pg", "--check", STRAY="CREATE TABLE left_here (a int)")
    assert made == {("missing-table", "warning", "left_here", "", 1)}
    assert found(stray, "migrate_to_pg", "--check") == set()


@pytest.mark.full
def test_where_migrations_fail_on_sqlite_drift_is_reported_and_nothing_repaired(
    project: Callable[..., Project],
) -> None:
    drifted = project("vendor", f"DROP INDEX {LOST}")
    before = digest(drifted.source)
    refused = {"VENDOR_REFUSES": "1"}
    told = json.loads(drifted.run("sqlite_doctor", "--json", ok=False, **refused).stdout)
    drift = {finding["table"] for finding in told["findings"] if finding["rule"] == "schema-drift"}
    # By the models alone: what the migrations dropped in the database is taken for lost.
    assert drift == {"auth_user_groups", "vendor_content"}
    # No repair is advised that would not be made.
    assert "--repair" not in drifted.run("sqlite_doctor", ok=False, **refused).stdout
    repair = ("sqlite_doctor", "--repair", "all", "--json")
    record = json.loads(drifted.run(*repair, ok=False, **refused).stdout)["repair"]
    assert record["repaired"] == []
    reasons = {left["reason"] for left in record["not_repaired"] if left["rule"] == "schema-drift"}
    assert len(reasons) == 1
    assert "the migrations do not run on SQLite" in reasons.pop()
    assert digest(drifted.source) == before

    # Where they do, that index comes back, and nothing else.
    record = json.loads(drifted.run(*repair).stdout)["repair"]
    assert [(done["table"], done["what"]) for done in record["repaired"]] == [
        ("auth_user_groups", f"1 index made: {LOST}")
    ]
    assert not found(drifted, "sqlite_doctor") & {("schema-drift", "warning", "vendor_content", "", 1)}
