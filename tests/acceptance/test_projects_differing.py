"""Projects whose migrations make other things on PostgreSQL than on SQLite."""

import json

import pytest

from tests.acceptance.test_projects import execute
from tests.projects import Project

ROWS = "INSERT INTO stray_thing VALUES (1, 'Anna'), (2, 'Bo'), (3, 'Bo')"


@pytest.fixture
def things(tmp_path):
    """Three rows in SQLite; STRAY is what the second migration does on PostgreSQL alone."""
    made = Project("stray", tmp_path)
    made.migrate()
    made.sqlite(ROWS)
    return made


def told(result):
    return json.loads(result.stdout)


def names(url):
    return execute(url, "SELECT id, name FROM stray_thing ORDER BY id")


NAMES = [(1, "Anna"), (2, "Bo"), (3, "Bo")]
SEARCH = "ALTER TABLE stray_thing ADD search tsvector NOT NULL"


def test_a_column_that_postgresql_alone_has_stops_the_run_and_says_how_to_fill_it(things, postgres_url):
    refused = things.move(postgres_url, "--json", ok=False, STRAY=SEARCH)
    assert refused.returncode == 1
    (finding,) = told(refused)["findings"]
    assert (finding["rule"], finding["level"], finding["column"]) == ("missing-column", "error", "search")
    assert "--fix missing-column" in things.move(postgres_url, ok=False, STRAY=SEARCH).stdout
    assert execute(postgres_url, "SELECT to_regclass('stray_thing')") == [(None,)]

    done = told(things.move(postgres_url, "--json", "--fix", "missing-column", STRAY=SEARCH))
    assert [(f["rule"], f["applied"]) for f in done["findings"]] == [("missing-column", True)]
    assert execute(postgres_url, "SELECT search::text FROM stray_thing") == [("",)] * 3
    default = "SELECT count(*) FROM pg_attrdef WHERE adrelid = 'stray_thing'::regclass"
    assert execute(postgres_url, default) == [(0,)]
    assert names(postgres_url) == NAMES


@pytest.mark.parametrize("column", ["number integer NOT NULL", "search text UNIQUE NOT NULL"])
def test_a_column_without_an_empty_value_is_not_filled(things, postgres_url, column):
    result = things.move(
        postgres_url, "--json", "--fix", "missing-column", ok=False, STRAY=f"ALTER TABLE stray_thing ADD {column}"
    )
    assert (result.returncode, [f["applied"] for f in told(result)["findings"]]) == (1, [False])


def test_a_column_that_postgresql_alone_computes_is_proven_by_its_expression(things, postgres_url):
    column = "ALTER TABLE stray_thing ADD loud text GENERATED ALWAYS AS (upper(name)) STORED"
    (table,) = [
        t for t in told(things.move(postgres_url, "--json", STRAY=column))["tables"] if t["name"] == "stray_thing"
    ]
    assert (table["cells_compared"], table["cells_computed"]) == (6, 3)
    assert execute(postgres_url, "SELECT loud FROM stray_thing ORDER BY id") == [("ANNA",), ("BO",), ("BO",)]


def test_a_column_that_is_plain_on_sqlite_and_computed_on_postgresql_is_told_where_it_differs(things, postgres_url):
    column = (
        "ALTER TABLE stray_thing DROP name;"
        "ALTER TABLE stray_thing ADD name varchar(20) GENERATED ALWAYS AS ('Bo') STORED"
    )
    report = told(things.move(postgres_url, "--json", STRAY=column))
    (finding,) = report["findings"]
    assert (finding["rule"], finding["level"], finding["count"]) == ("computed-otherwise", "warning", 1)
    assert finding["samples"] == [{"key": {"id": "1"}, "value": "'Anna' → 'Bo'"}]


def test_a_unique_key_that_postgresql_alone_has_is_a_finding_with_the_choice(things, postgres_url):
    unique = "ALTER TABLE stray_thing ADD CONSTRAINT one_name UNIQUE (name)"
    refused = things.move(postgres_url, ok=False, STRAY=unique)
    assert refused.returncode == 1
    assert "one_name" in refused.stdout
    assert "duplicate-key" in refused.stdout
    assert "--quarantine duplicate-key" in refused.stdout
    things.move(postgres_url, "--quarantine", "duplicate-key", STRAY=unique)
    # One of the two can stay.
    assert names(postgres_url) == NAMES[:2]


def test_a_check_that_postgresql_alone_has_is_a_finding_with_the_choice(things, postgres_url):
    check = "ALTER TABLE stray_thing ADD CONSTRAINT long_name CHECK (name <> 'Anna')"
    refused = things.move(postgres_url, ok=False, STRAY=check)
    assert refused.returncode == 1
    assert "long_name" in refused.stdout
    things.move(postgres_url, "--quarantine", "check-constraint", STRAY=check)
    assert names(postgres_url) == NAMES[1:]


def test_tables_views_and_triggers_of_postgresql_alone_come_along(things, postgres_url):
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
    assert "The trigger whispers is SQLite's own" in moved.stdout
    assert "The trigger shouts is SQLite's own" not in moved.stdout
    assert execute(postgres_url, "SELECT id FROM only_here") == [(7,)]
    assert execute(postgres_url, "SELECT n FROM counted") == [(3,)]
    assert names(postgres_url) == NAMES
    inserted = execute(postgres_url, "INSERT INTO stray_thing (name) VALUES ('cleo') RETURNING id, name")
    assert inserted == [(4, "CLEO")]


def test_an_index_made_concurrently_outside_a_transaction_comes_along(things, postgres_url):
    index = "CREATE INDEX CONCURRENTLY by_name ON stray_thing (name)"
    things.move(postgres_url, STRAY=index, STRAY_NOT_ATOMIC="1")
    assert execute(postgres_url, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_name'::regclass") == [(True,)]
