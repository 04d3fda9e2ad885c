"""manage.py pg_behaviour on a project with faults of every kind, and on one with none."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from migrate_to_pg.project.secret_columns import MASK
from tests.conftest import ROOT, MakeSource, Run
from tests.projects import Project

SCHEMA = json.loads((ROOT / "docs/reference/behaviour.schema.json").read_text())
#: -> rule, rule at the end of a line.
_EXPECTED = re.compile(r"  # -> (.+)$")
ROWS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)"
    " INSERT INTO otherwise_author (name, rank, sold, data, price, active, api_token)"
    """ SELECT CASE i % 3 WHEN 0 THEN 'Martin' WHEN 1 THEN 'martin' ELSE 'Éric' END, nullif(i % 7, 0),"""
    """ 2000000000 + i, '{"z": 1, "name": 2}', i / 4.0, i % 2, '{"z": "hush", "b": 1}' FROM n"""
)
BOOKS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)"
    " INSERT INTO otherwise_book (title, pages, author_id) SELECT 'a' || i, 4 + i % 7, 1 + i % 60 FROM n"
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project("otherwise", tmp_path_factory.mktemp("otherwise"))
    made.migrate()
    made.sqlite(ROWS, BOOKS)
    return made


@pytest.fixture(scope="module")
def report(shop: Project) -> Path:
    """The directory of one run, whose status and output are asserted by the way."""
    folder = shop.folder / "report"
    result = shop.run("pg_behaviour", "--report", folder, "--lang", "en", ok=False)
    assert result.returncode == 1, result.stderr
    assert result.stdout.startswith("On PostgreSQL: ")
    assert f"Report: {folder}/behaviour.html" in result.stdout
    assert "-> Use what both have" in result.stdout
    return folder


@pytest.fixture(scope="module")
def document(report: Path) -> dict[str, Any]:
    return dict(json.loads((report / "behaviour.json").read_text()))


def expected() -> Iterator[tuple[str, int, str]]:
    for path in sorted((ROOT / "tests/projects/otherwise").glob("*.py")):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if found := _EXPECTED.search(line):
                yield from ((path.name, number, rule) for rule in found[1].split(", "))


def test_each_line_that_differs_is_found_by_its_rule_and_no_other(document: dict[str, Any]) -> None:
    found = {(Path(one["file"]).name, one["line"], one["rule"]) for one in document["findings"]}
    assert found == set(expected())


@pytest.mark.full
def test_sql_that_only_a_run_puts_together_is_listed(document: dict[str, Any]) -> None:
    lines = enumerate((ROOT / "tests/projects/otherwise/views.py").read_text().splitlines(), start=1)
    assert {one["line"] for one in document["unexecuted"]} >= {n for n, line in lines if "not executed" in line}


def test_behaviour_json_follows_its_schema(document: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    errors = Draft202012Validator(SCHEMA).iter_errors(document)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []
    assert not document["ok"]


def test_what_postgresql_refuses_has_its_sqlstate_and_what_differs_both_values(document: dict[str, Any]) -> None:
    first = {one["rule"]: one for one in reversed(document["findings"])}
    assert first["group-by"]["sqlstate"] == "42803"
    assert (first["like-case"]["sqlite"], first["like-case"]["postgresql"]) == ("40", "20")
    assert first["order-nulls"]["certainty"] == "seen"
    assert "59 of 60 rows" in first["order-nulls"]["explanation"]
    assert "93 %" in first["integer-range"]["explanation"]


def test_no_value_of_a_secret_column_is_shown(report: Path, document: dict[str, Any]) -> None:
    (token,) = [one for one in document["findings"] if one["name"].endswith("api_token")]
    assert (token["rule"], token["sqlite"], token["postgresql"]) == ("json-key-order", MASK, MASK)
    (ordering,) = [one for one in document["findings"] if "BySecret ordering" in one["name"]]
    assert ordering["sqlite"].startswith(f"{MASK} (pk ")
    assert not [path.name for path in report.iterdir() if "hush" in path.read_text()]


def test_the_page_needs_no_network_and_no_script(report: Path) -> None:
    page = (report / "behaviour.html").read_text()
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert not re.search(r"<script|<link|<img|url\(|https?://|MISSING ", page)
    assert "order-nulls" in page


def run_again(shop: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The copy is kept, so that another run costs little."""
    return shop.run("pg_behaviour", "--code", *arguments, ok=False)


def test_never_fails_and_speaks_french(shop: Project, report: Path) -> None:
    result = run_again(shop, "--fail-on", "never", "--lang", "fr")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Sur PostgreSQL\xa0: ")
    assert " 0 " not in result.stderr


@pytest.mark.full
def test_a_command_that_fails_is_no_sign_that_all_is_well(shop: Project) -> None:
    queries = shop.run("pg_behaviour", "--queries", "python -m django dumpdata nowhere", ok=False)
    assert queries.returncode == 1
    assert queries.stdout.startswith("Nothing was found, but not everything was looked at: the notes say why.")
    tests = shop.run("pg_behaviour", "--tests", "python -m django test nowhere", ok=False)
    assert tests.returncode == 2
    assert "No test passed on SQLite by the command of --tests" in tests.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--as-user", "anna"], "--as-user has no effect without --crawl."),
        (["--read", "/nowhere"], "There is no file /nowhere."),
        (["--fail-on", "all"], "invalid choice (choose from"),
        (["--source", "nowhere.sqlite3"], "nowhere.sqlite3"),
    ],
)
def test_a_wrong_option_is_answered_with_what_is_right(shop: Project, arguments: list[str], said: str) -> None:
    result = shop.run("pg_behaviour", *arguments, ok=False)
    assert result.returncode == 2 or "--source" in arguments
    assert said in result.stderr
    assert result.stdout == ""


@pytest.mark.full
def test_nothing_is_said_of_a_project_that_is_alike_on_both(tmp_path: Path) -> None:
    alike = Project("alike", tmp_path)
    alike.migrate()
    rows = "('c', 3000000000, '[]'), ('Ä', 1, '[1, 2.5, 1e300]'), ('a', NULL, '[]'), ('B', 1, '[]')"
    alike.sqlite(
        f"INSERT INTO alike_book (title, pages, data) VALUES {rows}",
        "INSERT INTO alike_book (title, pages, data) VALUES (printf('%0100d', 0), 9, '[]')",
        "CREATE TRIGGER fills AFTER UPDATE ON alike_book BEGIN UPDATE alike_book SET pages = 0; END",
    )
    repairs = ("--fix", "text-too-long", "--quarantine", "all")
    result = alike.run("pg_behaviour", "--fail-on", "different", "--json", "--lang", "en", *repairs)
    document = json.loads(result.stdout)
    assert (document["ok"], document["findings"], document["notes"]) == (True, [], [])


@pytest.mark.full
def test_nothing_is_said_of_the_application_of_this_repository(
    make_source: MakeSource, postgres_url: str, tmp_path: Path, manage: Run
) -> None:
    where = ("--source", make_source("none"), "--target", postgres_url, "--report", tmp_path)
    document = json.loads(manage("pg_behaviour", *where, "--fail-on", "different", "--json").stdout)
    assert document["findings"] == []
    assert document["ways"] == ["data", "code"]
