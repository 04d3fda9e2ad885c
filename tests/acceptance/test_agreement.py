"""The commands agree about every project: what --check, --dump and the doctor find is what the move finds."""

from __future__ import annotations

import json

import pytest

from migrate_to_pg.rules.of_the_doctor import DOCTOR_RULES
from migrate_to_pg.rules.of_the_run import RUN_RULES
from tests.integration.repairing import backups
from tests.projects import ROOT, Project, digest

#: Found by one kind of command alone: of the file, by a proof, by the models on PostgreSQL.
OF_ONE = {rule.id for rule in (*DOCTOR_RULES, *RUN_RULES)}
#: What the settings of one of the projects read.
NEEDED = {"ROAMING_SECRET": "of theirs"}
#: Two rows of what is unique on one database alone, and rows for a column that PostgreSQL alone has.
DIFFERING = (
    "INSERT INTO vendor_content (language, page, slug, note) VALUES ('fr', 1, 'a', NULL), ('fr', 1, 'a', 'x')",
    "INSERT INTO vendor_entry (body) VALUES ('words')",
)
#: The rows that --check must not tell to be deleted: the move takes them.
TAKEN = ("INSERT INTO vendor_content (language, page, slug, note) VALUES ('fr', 1, 'a', 'x'), ('fr', 1, 'b', 'x')",)


def projects():
    """Every project that can be moved to a server without extensions."""
    folder = ROOT / "tests" / "projects"
    names = sorted(path.parent.name for path in folder.glob("*/settings.py"))
    return [
        name if name != "many" else pytest.param(name, marks=pytest.mark.full) for name in names if name != "extension"
    ]


@pytest.fixture
def project(tmp_path):
    def made(name, *statements):
        project = Project(name, tmp_path)
        project.migrate(**NEEDED)
        if statements:
            project.sqlite(*statements)
        return project

    return made


def found(project, *arguments):
    """What a command finds, apart from what only its kind of command can."""
    told = json.loads(project.run(*arguments, "--json", ok=False, **NEEDED).stdout)
    return {
        (finding["rule"], finding["level"], finding["table"], finding["column"], finding["count"])
        for finding in told["findings"]
        if finding["rule"] not in OF_ONE
    }


def require_agreement(project, url, *options):
    moved = found(project, "migrate_to_pg", "--rehearse", "--target", url, *options)
    assert found(project, "migrate_to_pg", "--check") == moved
    assert found(project, "migrate_to_pg", "--dump", project.folder / "d.migrate_to_pg") == moved
    # What only PostgreSQL's Django refuses is no fault of the SQLite database.
    assert found(project, "sqlite_doctor") == {finding for finding in moved if finding[0] != "system-check"}
    return moved


@pytest.mark.parametrize("name", projects())
def test_a_healthy_project_is_judged_alike_and_nothing_of_it_is_repaired(name, project, postgres_url):
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


def test_what_differs_by_database_is_judged_as_postgresql_has_it(project, postgres_url):
    errors = {("null-in-not-null", "note"), ("duplicate-key", "slug"), ("missing-column", "words")}
    moved = require_agreement(project("vendor", *DIFFERING), postgres_url)
    assert {(rule, column) for rule, level, _, column, _ in moved if level == "error"} == errors


def test_rows_under_a_constraint_that_was_dropped_in_the_database_alone_are_moved(project, postgres_url):
    moved = require_agreement(project("vendor", *TAKEN), postgres_url)
    assert {level for _, level, *_ in moved} == {"warning"}
