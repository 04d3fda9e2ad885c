"""Rows that the constraints of models and of PostgreSQL refuse: named in one run, set aside in the next."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import run_sql
from tests.projects import Project
from tests.projects.judged.constraints import CHECKS

#: Constraint -> what breaks it, and it alone; the rows are numbered from 100 on.
BROKEN = {
    "between": "n = 101",
    "negated": "kind = 'bad', slug = 'k'",
    "either": "low = 51",
    "simple": "code = 'AB-1'",
    "regex": "slug = 'a--b'",
    "any_case": "kind = 'other'",
    "length": "title = 'titles are long'",
    "lower": "email = 'UP@x'",
    "upper": "code = 'ab12'",
    "abs": "shift = -13",
    "coalesce": "shift = 51",
    "mod": "even = 3",
    "year": "at = '1999-12-31 22:59:59'",
    "json": """data = '{"state": "old"}'""",
    "order": "title = 'Title'",
}


@pytest.fixture
def things(tmp_path: Path) -> Project:
    """Good rows 1 to 9; one row for each constraint that it breaks."""
    made = Project("judged", tmp_path)
    made.migrate()
    row = """INSERT INTO judged_thing (id, kind, code, slug, title, email, n, shift, even, at, data, stock, active)
        VALUES ({id}, 'Kind', 'AB12', 'a-b', 'title', {id} || '@x', 50, 0, 2, '2024-05-05 10:00:00',
        '{{"state": "new"}}', 0, 1)"""
    ids = [*range(1, 10), *range(100, 100 + len(BROKEN)), *range(200, 211)]
    drop = [f"DROP INDEX {name}" for name in ("one_active", "one_length")]
    broken = [f"UPDATE judged_thing SET {values} WHERE id = {100 + n}" for n, values in enumerate(BROKEN.values())]
    more = (
        "stock = -1 WHERE id = 200",
        # SQLite is certain of ASCII; the locale decides about the rest.
        "email = 'same@x' WHERE id IN (201, 202)",
        "kind = 'long k', email = id || '@long' WHERE id IN (203, 204)",
        "title = 'bad' WHERE id = 205",
        "n = 51, slug = 'x' WHERE id IN (206, 207)",
    )
    updates = [f"UPDATE judged_thing SET {one}" for one in more]
    made.sqlite(
        "PRAGMA ignore_check_constraints = ON", *drop, *(row.format(id=number) for number in ids), *broken, *updates
    )
    return made


NAMES = ("one_active", "one_length", "one_slug", "judged_thing_stock_check", "digest", *CHECKS)
CERTAIN = {
    "between": [100],
    "negated": [101],
    "either": [102],
    "simple": [103, 108],
    "one_active": [202],
}
#: A row that breaks two constraints is told of the first that PostgreSQL names.
JUDGED = {
    "regex": [104],
    "any_case": [105],
    "length": [106],
    "lower": [107],
    "abs": [109, 110],
    "mod": [111],
    "year": [112],
    "json": [113],
    "order": [114],
    "one_length": [204],
    "digest": [205],
    "one_slug": [207],
}


def found(result: subprocess.CompletedProcess[str], level: str = "error") -> dict[str, list[int]]:
    """Name of the constraint -> the primary keys; "" for one that the migrations are yet to name."""
    return {
        next((name for name in NAMES if re.search(rf"\b{name}\b", f["explanation"])), ""): [
            int(s["key"]["id"]) for s in f["samples"]
        ]
        for f in json.loads(result.stdout)["findings"]
        if f["level"] == level and f["rule"] in ("check-constraint", "duplicate-key")
    }


def test_without_a_server_sqlite_tells_what_is_certain_and_what_may_be(things: Project) -> None:
    looked = things.run("migrate_to_pg", "--source", things.source, "--check", "--json", ok=False)
    assert looked.returncode == 1
    assert found(looked) == {**CERTAIN, "": [200]}
    # SQLite orders text by its bytes; what RunSQL made it does not know.
    unknown = {"digest", "one_slug"}
    more = {"any_case": [101, 105], "coalesce": [102, 110], "upper": [108]}
    assert found(looked, "warning") == {k: v for k, v in JUDGED.items() if k not in unknown} | more


def test_all_of_them_are_named_in_one_run_and_set_aside_in_the_next(things: Project, postgres_url: str) -> None:
    refused = things.move(postgres_url, "--json", ok=False)
    assert refused.returncode == 1
    of_two = {"any_case": [101, 105], "coalesce": [102]}
    assert found(refused) == {**CERTAIN, **JUDGED, **of_two, "judged_thing_stock_check": [200]}
    assert found(refused, "warning") == {}
    moved = things.move(postgres_url, "--json", "--quarantine", "check-constraint,duplicate-key")
    assert found(moved) == {**CERTAIN, **JUDGED, "judged_thing_stock_check": [200]}
    (table,) = [t for t in json.loads(moved.stdout)["tables"] if t["name"] == "judged_thing"]
    assert (table["rows_target"], table["quarantined"], table["differences"]) == (15, 20, 0)
    kept = [*range(1, 10), 201, 203, 206, 208, 209, 210]
    assert [row[0] for row in run_sql(postgres_url, "SELECT id FROM judged_thing ORDER BY 1")] == kept
    rules = run_sql(postgres_url, "SELECT rule, count(*) FROM migrate_to_pg.quarantine GROUP BY 1 ORDER BY 1")
    assert rules == [("check-constraint", 17), ("duplicate-key", 3)]


@pytest.mark.full
def test_what_postgresql_alone_judges_stops_a_move_by_itself(things: Project, postgres_url: str) -> None:
    """Where SQLite finds nothing for certain the rows are loaded, and the load is refused."""
    things.sqlite("PRAGMA ignore_check_constraints = ON", "DELETE FROM judged_thing WHERE id >= 100 AND id <> 111")
    refused = things.move(postgres_url, "--json", ok=False)
    assert (refused.returncode, found(refused)) == (1, {"mod": [111]})
    assert run_sql(postgres_url, "SELECT to_regclass('judged_thing')") == [(None,)]
    moved = things.move(postgres_url, "--json", "--quarantine", "all")
    assert found(moved) == {"mod": [111]}
    assert run_sql(postgres_url, "SELECT count(*) FROM judged_thing") == [(9,)]
