"""Rows that PostgreSQL alone can judge: all of them named in one run, and set aside where that is asked for."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_sql
from tests.projects import Project


@pytest.fixture
def things(tmp_path: Path) -> Project:
    """A hundred things and more; STRAY is what the second migration does on PostgreSQL alone."""
    made = Project("stray", tmp_path)
    made.migrate()
    made.sqlite("ALTER TABLE stray_thing ADD COLUMN n integer NOT NULL DEFAULT 1")
    made.sqlite("ALTER TABLE stray_thing ADD COLUMN tags text NOT NULL DEFAULT '{}'")
    rows = "WITH RECURSIVE i (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 2500)"
    made.sqlite(
        f"INSERT INTO stray_thing (id, name, n, tags) {rows} SELECT n, 'thing ' || n, n, '{{' || n || '}}' FROM i"
    )
    return made


COLUMNS = "ALTER TABLE stray_thing ADD n integer NOT NULL, ADD tags {};"


def found(result: subprocess.CompletedProcess[str]) -> list[tuple[Any, ...]]:
    """Rule, column, count and the first key and value of each error; and whether it was settled."""
    return [
        (f["rule"], f["column"], f["count"], f["samples"][0]["key"]["id"], f["samples"][0]["value"], f["applied"])
        for f in json.loads(result.stdout)["findings"]
        if f["level"] == "error"
    ]


def check_refused_and_set_aside(
    things: Project, url: str, stray: str, expected: list[tuple[Any, ...]]
) -> dict[str, Any]:
    """First named, all of them, with nothing published; then set aside in one run, and accounted for ever after."""
    refused = things.move(url, "--json", ok=False, STRAY=stray)
    assert refused.returncode == 1
    assert found(refused) == [(*one, False) for one in expected]
    assert run_sql(url, "SELECT to_regclass('stray_thing')") == [(None,)]
    rows = sum(count for _, _, count, *_ in expected)
    rules = sorted({rule for rule, *_ in expected})
    moved = things.move(url, "--json", "--quarantine", ",".join(rules), STRAY=stray)
    report: dict[str, Any] = json.loads(moved.stdout)
    assert found(moved) == [(*one, True) for one in expected]
    (table,) = [t for t in report["tables"] if t["name"] == "stray_thing"]
    assert (table["rows_source"], table["rows_target"], table["quarantined"]) == (2500, 2500 - rows, rows)
    assert run_sql(url, "SELECT count(*) FROM stray_thing") == [(2500 - rows,)]
    kept = run_sql(url, "SELECT rule, count(*) FROM migrate_to_pg.quarantine GROUP BY 1 ORDER BY 1")
    assert kept == [(rule, sum(count for its, _, count, *_ in expected if its == rule)) for rule in rules]
    return report


def test_unreadable_texts_and_overflows_are_all_reported_and_quarantined_at_once(
    things: Project, postgres_url: str
) -> None:
    things.sqlite("UPDATE stray_thing SET tags = '[' || id || ']' WHERE id IN (7, 1200, 2400)")
    things.sqlite("UPDATE stray_thing SET tags = '{99999999999}' WHERE id = 8")
    things.sqlite("UPDATE stray_thing SET n = 0 WHERE id IN (3, 9)")
    things.sqlite("UPDATE stray_thing SET n = 123456 WHERE id = 2500")
    stray = COLUMNS.format("integer[]") + (
        "ALTER TABLE stray_thing ADD per numeric(6,2) GENERATED ALWAYS AS (100.0 / n) STORED,"
        " ADD hundred numeric(6,2) GENERATED ALWAYS AS (n / 10) STORED;"
    )
    check_refused_and_set_aside(
        things,
        postgres_url,
        stray,
        [
            ("refused-row", "per", 2, "3", "0"),
            ("refused-row", "tags", 3, "7", "'[7]'"),
            ("refused-row", "tags", 1, "8", "'{99999999999}'"),
            ("refused-row", "hundred", 1, "2500", "123456"),
        ],
    )


def test_refusals_that_no_other_rule_finds_are_reported_and_quarantined_at_once(
    things: Project, postgres_url: str
) -> None:
    things.sqlite("UPDATE stray_thing SET n = 13 WHERE id IN (4, 400)")
    things.sqlite("UPDATE stray_thing SET name = 'bad' WHERE id IN (5, 1500, 1501)")
    things.sqlite(
        "UPDATE stray_thing SET tags = '[5,9)' WHERE id = 10", "UPDATE stray_thing SET tags = '[8,20)' WHERE id = 11"
    )
    things.sqlite("UPDATE stray_thing SET tags = 'empty' WHERE id NOT IN (10, 11)")
    stray = (
        "CREATE DOMAIN lucky AS integer CHECK (VALUE <> 13);"
        "ALTER TABLE stray_thing ADD n lucky NOT NULL, ADD tags int4range, ADD EXCLUDE USING gist (tags WITH &&),"
        " ADD CONSTRAINT named CHECK (md5(name) <> md5('bad'))"
    )
    expected = [
        ("refused-row", "n", 3, "4", "13"),
        ("check-constraint", "name", 3, "5", "'bad'"),
        ("refused-row", "tags", 1, "11", "'[8,20)'"),
    ]
    check_refused_and_set_aside(things, postgres_url, stray, expected)
    assert run_sql(postgres_url, "SELECT id FROM stray_thing WHERE NOT isempty(tags)") == [(10,)]


def test_what_does_not_hold_for_all_rows_together_is_told_and_set_aside_at_once(
    things: Project, postgres_url: str
) -> None:
    """The load takes each of them; the constraint is made when they are all there."""
    things.sqlite(
        "UPDATE stray_thing SET tags = 'empty'", "UPDATE stray_thing SET tags = '[5,9)' WHERE id IN (20, 30, 40)"
    )
    exclusion = COLUMNS.format("int4range") + "ALTER TABLE stray_thing ADD EXCLUDE USING gist (tags WITH &&)"
    expected = [("refused-row", "tags", 2, "30", "'[5,9)'")]
    check_refused_and_set_aside(things, postgres_url, exclusion, expected)


@pytest.mark.full
def test_an_index_beyond_other_rules_is_told_and_set_aside(things: Project, postgres_url: str) -> None:
    things.sqlite("UPDATE stray_thing SET name = 'thing 1' WHERE id IN (8, 9)")
    unique = COLUMNS.format("text") + "CREATE UNIQUE INDEX digest ON stray_thing (md5(name))"
    (finding,) = check_refused_and_set_aside(
        things, postgres_url, unique, [("duplicate-key", "name", 2, "8", "'thing 1'")]
    )["findings"]
    assert "digest" in finding["explanation"]
    assert "because of a row before it" in finding["explanation"]


@pytest.mark.full
def test_check_names_the_computed_values_that_the_move_is_refused(objects: Project, postgres_url: str) -> None:
    """SQLite has computed them already; no server is asked."""
    objects.sqlite("UPDATE objects_item SET position = 2000000000 WHERE title = 'Beta'")
    looked = objects.run("migrate_to_pg", "--source", objects.source, "--check", "--json", ok=False)
    moved = objects.move(postgres_url, "--json", ok=False)
    expected = [("refused-row", "double", 1, "2", "4000000000", False)]
    assert (looked.returncode, moved.returncode) == (1, 1)
    assert found(looked) == expected
    assert [(*one[:4], one[4].split(",")[0], one[5]) for one in found(moved)] == expected
    accepted = objects.run("migrate_to_pg", "--source", objects.source, "--check", "--quarantine", "refused-row")
    assert "1 row is left out of PostgreSQL, in quarantine." in accepted.stdout + accepted.stderr
