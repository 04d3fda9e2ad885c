"""Projects whose migrations make other things on PostgreSQL than on SQLite."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_sql
from tests.projects import Project

ROWS = "INSERT INTO stray_thing VALUES (1, 'Anna'), (2, 'Bo'), (3, 'Bo')"


@pytest.fixture
def things(tmp_path: Path) -> Project:
    """Three rows in SQLite; STRAY is what the second migration does on PostgreSQL alone."""
    made = Project("stray", tmp_path)
    made.migrate()
    made.sqlite(ROWS)
    return made


def told(result: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return dict(json.loads(result.stdout))


def names(url: str) -> list[tuple[Any, ...]]:
    return run_sql(url, "SELECT id, name FROM stray_thing ORDER BY id")


NAMES = [(1, "Anna"), (2, "Bo"), (3, "Bo")]
SEARCH = "ALTER TABLE stray_thing ADD search tsvector NOT NULL"


def test_a_column_that_postgresql_alone_has_stops_the_run_and_says_how_to_fill_it(
    things: Project, postgres_url: str
) -> None:
    refused = things.move(postgres_url, "--json", ok=False, STRAY=SEARCH)
    assert refused.returncode == 1
    (finding,) = told(refused)["findings"]
    assert (finding["rule"], finding["level"], finding["column"]) == ("missing-column", "error", "search")
    assert "--fix missing-column" in things.move(postgres_url, ok=False, STRAY=SEARCH).stdout
    assert run_sql(postgres_url, "SELECT to_regclass('stray_thing')") == [(None,)]

    done = told(things.move(postgres_url, "--json", "--fix", "missing-column", STRAY=SEARCH))
    assert [(f["rule"], f["applied"]) for f in done["findings"]] == [("missing-column", True)]
    assert run_sql(postgres_url, "SELECT search::text FROM stray_thing") == [("",)] * 3
    default = "SELECT count(*) FROM pg_attrdef WHERE adrelid = 'stray_thing'::regclass"
    assert run_sql(postgres_url, default) == [(0,)]
    assert names(postgres_url) == NAMES


@pytest.mark.parametrize("column", ["number integer NOT NULL", "search text UNIQUE NOT NULL"])
def test_a_column_without_an_empty_value_is_not_filled(things: Project, postgres_url: str, column: str) -> None:
    result = things.move(
        postgres_url, "--json", "--fix", "missing-column", ok=False, STRAY=f"ALTER TABLE stray_thing ADD {column}"
    )
    assert (result.returncode, [f["applied"] for f in told(result)["findings"]]) == (1, [False])


@pytest.mark.full
def test_a_column_that_postgresql_alone_computes_is_verified_by_its_expression(
    things: Project, postgres_url: str
) -> None:
    column = "ALTER TABLE stray_thing ADD loud text GENERATED ALWAYS AS (upper(name)) STORED"
    (table,) = [
        t for t in told(things.move(postgres_url, "--json", STRAY=column))["tables"] if t["name"] == "stray_thing"
    ]
    assert (table["cells_compared"], table["cells_computed"]) == (6, 3)
    assert run_sql(postgres_url, "SELECT loud FROM stray_thing ORDER BY id") == [("ANNA",), ("BO",), ("BO",)]


@pytest.mark.full
def test_a_plain_column_that_postgresql_computes_is_reported_where_it_differs(
    things: Project, postgres_url: str
) -> None:
    column = (
        "ALTER TABLE stray_thing DROP name;"
        "ALTER TABLE stray_thing ADD name varchar(20) GENERATED ALWAYS AS ('Bo') STORED"
    )
    report = told(things.move(postgres_url, "--json", STRAY=column))
    (finding,) = report["findings"]
    assert (finding["rule"], finding["level"], finding["count"]) == ("computed-otherwise", "warning", 1)
    assert finding["samples"] == [{"key": {"id": "1"}, "value": "'Anna' → 'Bo'"}]


@pytest.mark.full
def test_a_unique_key_that_postgresql_alone_has_is_a_finding_with_the_choice(
    things: Project, postgres_url: str
) -> None:
    unique = "ALTER TABLE stray_thing ADD CONSTRAINT one_name UNIQUE (name)"
    refused = things.move(postgres_url, ok=False, STRAY=unique)
    assert refused.returncode == 1
    assert "one_name" in refused.stdout
    assert "duplicate-key" in refused.stdout
    assert "--quarantine duplicate-key" in refused.stdout
    things.move(postgres_url, "--quarantine", "duplicate-key", STRAY=unique)
    # One of the two can stay.
    assert names(postgres_url) == NAMES[:2]


def test_a_check_that_postgresql_alone_has_is_a_finding_with_the_choice(things: Project, postgres_url: str) -> None:
    check = "ALTER TABLE stray_thing ADD CONSTRAINT long_name CHECK (name <> 'Anna')"
    refused = things.move(postgres_url, ok=False, STRAY=check)
    assert refused.returncode == 1
    assert "long_name" in refused.stdout
    things.move(postgres_url, "--quarantine", "check-constraint", STRAY=check)
    assert names(postgres_url) == NAMES[1:]


def test_tables_views_and_triggers_of_postgresql_alone_come_along(things: Project, postgres_url: str) -> None:
    more = """
        CREATE TABLE only_here (id int PRIMARY KEY); INSERT INTO only_here VALUES (7);
        CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM stray_thing;
        CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name = upper(NEW.name); RETURN NEW; END';
        CREATE TRIGGER shouts BEFORE INSERT ON stray_thing FOR EACH ROW EXECUTE FUNCTION shout()
    """
    for name in ("shouts", "whispers"):
        things.sqlite(f"CREATE TRIGGER {name} AFTER INSERT ON stray_thing BEGIN SELECT 1; END")
    moved = things.move(postgres_url, STRAY=more)
    # Of the two that SQLite has, migrations make one on PostgreSQL.
    assert "Only SQLite has the trigger whispers;" in moved.stdout
    assert "Only SQLite has the trigger shouts;" not in moved.stdout
    assert run_sql(postgres_url, "SELECT id FROM only_here") == [(7,)]
    assert run_sql(postgres_url, "SELECT n FROM counted") == [(3,)]
    assert names(postgres_url) == NAMES
    inserted = run_sql(postgres_url, "INSERT INTO stray_thing (name) VALUES ('cleo') RETURNING id, name")
    assert inserted == [(4, "CLEO")]


def test_an_index_made_concurrently_outside_a_transaction_comes_along(things: Project, postgres_url: str) -> None:
    index = "CREATE INDEX CONCURRENTLY by_name ON stray_thing (name)"
    things.move(postgres_url, STRAY=index, STRAY_NOT_ATOMIC="1")
    assert run_sql(postgres_url, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_name'::regclass") == [(True,)]


@pytest.mark.full
@pytest.mark.parametrize("null", ["", " NOT NULL"])
def test_a_search_column_that_is_text_on_sqlite_is_skipped_and_filled_afterwards(
    things: Project, postgres_url: str, null: str
) -> None:
    r"""Cast, 'Running a\b' would become 'Running' 'ab', and a text as 'C:\' would stop the load."""
    things.sqlite(r"UPDATE stray_thing SET name = 'Run the a\b run' WHERE id = 1")
    things.sqlite("UPDATE stray_thing SET name = 'C:\\' WHERE id = 2")
    search = f"""
        ALTER TABLE stray_thing ADD title text NOT NULL DEFAULT 'Running cats';
        ALTER TABLE stray_thing ALTER name TYPE tsvector USING to_tsvector(name), ALTER name DROP NOT NULL;
        UPDATE stray_thing SET name = ''; {"ALTER TABLE stray_thing ALTER name SET NOT NULL" if null else ""};
        CREATE INDEX searched ON stray_thing USING gin (name)
    """
    things.sqlite("ALTER TABLE stray_thing ADD COLUMN title text NOT NULL DEFAULT 'Running cats'")
    moved = things.move(postgres_url, "--json", STRAY=search)
    report = told(moved)
    (finding,) = [f for f in report["findings"] if f["rule"] == "derived-column"]
    checked = told(things.run("migrate_to_pg", "--check", "--source", things.source, "--json", STRAY=search))
    assert [f for f in checked["findings"] if f["rule"] == "derived-column"] == [finding]
    assert (finding["level"], finding["table"], finding["column"]) == ("warning", "stray_thing", "name")
    assert any("stray_thing.name" in step and "update_index" in step for step in report["next_steps"])
    (table,) = [t for t in report["tables"] if t["name"] == "stray_thing"]
    assert (table["rows_target"], table["cells_compared"], table["differences"]) == (3, 6, 0)
    assert run_sql(postgres_url, "SELECT id, name::text FROM stray_thing ORDER BY id") == [
        (number, "" if null else None) for number in (1, 2, 3)
    ]
    # The statement that the finding shows runs as it is; what it made is left alone by every later comparison.
    update = next(line for line in finding["remedy"].splitlines() if line.startswith("UPDATE"))
    run_sql(postgres_url, update)
    assert run_sql(postgres_url, "SELECT DISTINCT name::text FROM stray_thing") == [("'cat':2 'run':1",)]
    verified = things.run(
        "migrate_to_pg", "--verify-only", "--verify", "--source", things.source, "--target", postgres_url
    )
    assert "1 column was left out on purpose, and is not compared: stray_thing.name." in verified.stdout
    without = things.move(postgres_url, "--replace", "--exclude-data", "stray.Thing", STRAY=search)
    assert "left out on purpose" not in without.stdout
    assert run_sql(postgres_url, "SELECT count(*) FROM stray_thing") == [(0,)]


@pytest.mark.full
def test_a_leftover_with_too_many_columns_stays_behind_and_the_rest_moves(things: Project, postgres_url: str) -> None:
    things.sqlite(f"CREATE TABLE wide ({', '.join(f'c{n}' for n in range(1700))})", "INSERT INTO wide (c7) VALUES (7)")
    things.sqlite("CREATE TABLE narrow (v)", "INSERT INTO narrow VALUES (5)")
    for command in (["migrate_to_pg", "--check", "--source"], ["sqlite_doctor"]):
        assert "1,700 columns" in " ".join(things.run(*command, things.source).stdout.split())
    moved = things.move(postgres_url, "--json")
    (finding,) = [f for f in told(moved)["findings"] if f["table"] == "wide"]
    assert (finding["rule"], finding["level"], finding["count"]) == ("leftover-table", "warning", 1)
    assert run_sql(postgres_url, "SELECT v FROM sqlite_leftovers.narrow") == [(5,)]
    assert run_sql(postgres_url, "SELECT to_regclass('sqlite_leftovers.wide')") == [(None,)]
    assert names(postgres_url) == NAMES
