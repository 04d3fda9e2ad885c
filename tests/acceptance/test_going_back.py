"""SQLite, PostgreSQL and back: the new file is what the old one was, with what was written in between."""

from __future__ import annotations

import json
import shlex
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_fields import ZONES, python
from tests.conftest import ASK, MakeSource, Run, Server, run_sql
from tests.projects import Project, by_hand
from tests.projects.by_hand import quoted

#: Values of each field.
EXAMPLES = [60, pytest.param(5000, marks=pytest.mark.full)]
#: jsonb does not keep the order of keys, and of a REAL Django reads 15 digits, which make another REAL. They are
#: compared as Django reads them.
SPELLED_ANEW = {"fields_json", "fields_decimal10", "fields_decimallong", "fields_decimalwhole", "fields_free"}


def go_back(project: Project, url: str, *arguments: str | Path, ok: bool = True, **variables: str) -> dict[str, Any]:
    """Run the command; its report, with the exit status."""
    command = ("migrate_from_pg", "--source", url, "--target", new_file(project), "--json", *arguments)
    done = project.run(*command, ok=ok, **variables)
    found: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
    return found | {"status": done.returncode, "stderr": done.stderr}


def new_file(project: Project) -> Path:
    return project.folder / "db.from-postgresql.sqlite3"


def contents(path: Path) -> dict[str, list[str]]:
    """Each table with its rows, each value with its storage class."""
    with closing(sqlite3.connect(path)) as database:
        database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {}
        for table in tables:
            columns = [column for (column,) in database.execute("SELECT name FROM pragma_table_xinfo(?)", [table])]
            cells = ", ".join(f"{quoted(column)}, typeof({quoted(column)})" for column in columns)
            # A table that never gave an id has no row there, or one with 0.
            given = " WHERE seq > 0" if table == "sqlite_sequence" else ""
            found[table] = sorted(map(repr, database.execute(f"SELECT {cells} FROM {quoted(table)}{given}")))
        return found


def schema_of(path: Path) -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(path)) as database:
        database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        return set(database.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"))


def check_alike(project: Project, but: set[str]) -> None:
    """Every table of both files, but some whose spelling may differ, has equal rows of equal storage classes."""
    old, new = contents(project.source), contents(new_file(project))
    assert old.keys() == new.keys()
    assert {name for name in old if old[name] != new[name]} <= but
    assert {name: len(rows) for name, rows in old.items()} == {name: len(rows) for name, rows in new.items()}
    assert schema_of(project.source) == schema_of(new_file(project))


def found_by_doctor(project: Project, path: Path) -> set[tuple[str, ...]]:
    findings = json.loads(project.run("sqlite_doctor", path, "--json").stdout)["findings"]
    return {(finding["rule"], finding["table"], finding["column"]) for finding in findings}


@pytest.mark.full
@pytest.mark.parametrize("examples", [60, 5000])
def test_what_is_saved_in_any_field_comes_back_as_it_was(
    tmp_path: Path, servers: dict[int, Server], examples: int
) -> None:
    url = servers[18].database()
    project = Project("fields", tmp_path)
    project.migrate()
    python(project, "fill", str(examples))
    # What the way there takes for one value: the source must not come back otherwise for it.
    project.move(url)
    report = go_back(project, url)
    assert report["ok"]
    check_alike(project, SPELLED_ANEW)
    told = json.loads(python(project, "compare", TARGET_URL=url, DATABASE_URL=f"sqlite:///{new_file(project)}"))
    assert not told["wrong"], told["wrong"]
    # Django finds nothing to make, and sqlite_doctor nothing that it does not find in the source: whole decimals of
    # more digits than Django reads may be among the examples.
    project.run("migrate", "--check", DATABASE_URL=f"sqlite:///{new_file(project)}")
    assert found_by_doctor(project, new_file(project)) <= found_by_doctor(project, project.source)


@pytest.mark.full
@pytest.mark.parametrize("zones", list(ZONES)[1:])
def test_dates_and_times_come_back_in_every_zone(tmp_path: Path, postgres_url: str, zones: str) -> None:
    project = Project("fields", tmp_path)
    names = ("Date", "DateTime", "Time", "Duration", "DateKey")
    zone = dict(ZONES[zones])
    project.migrate(**zone)
    python(project, "fill", "200", *names, **zone)
    project.move(postgres_url, ok=True, **zone)
    assert go_back(project, postgres_url, ok=True, **zone)["ok"]
    check_alike(project, set())


def test_names_that_postgresql_cuts_or_quotes_come_back_whole(tmp_path: Path, postgres_url: str) -> None:
    project = Project("cut", tmp_path)
    project.migrate()
    project.sqlite("INSERT INTO cut_plain (v) VALUES (7)")
    project.move(postgres_url)
    report = go_back(project, postgres_url)
    assert report["ok"]
    assert schema_of(project.source) == schema_of(new_file(project))
    with closing(sqlite3.connect(new_file(project))) as database:
        assert database.execute("SELECT v FROM cut_plain").fetchall() == [(7,)]


@pytest.mark.full
def test_a_project_that_switches_its_migrations_off_goes_there_and_back(tmp_path: Path, postgres_url: str) -> None:
    project = Project("unmigrated", tmp_path)
    project.migrate()
    # Each refers to a later row, and to itself.
    project.sqlite("INSERT INTO unmigrated_part VALUES (1, 'a', 2, 3), (2, 'b', 1, 2), (3, 'c', 3, 1)")
    uri = f"file:{project.source}?mode=ro"
    project.run("migrate_to_pg", "--target", postgres_url, SQLITE_NAME=uri)
    assert go_back(project, postgres_url, SQLITE_NAME=":memory:")["ok"]
    check_alike(project, set())
    for name in (":memory:", "file:shared?mode=memory&cache=shared"):
        refused = project.run("migrate_to_pg", "--check", ok=False, SQLITE_NAME=name)
        assert refused.returncode == 2
        assert "The settings' database 'default' is in memory" in refused.stderr


@pytest.mark.full
def test_tables_made_by_hand_come_back_as_they_were(tmp_path: Path, postgres_url: str) -> None:
    project = Project("stray", tmp_path)
    project.migrate()
    by_hand.make(project.source)
    project.move(postgres_url)
    report = go_back(project, postgres_url)
    told = {f["table"].partition(".")[2] for f in report["findings"] if f["rule"] == "leftover-form"}
    # Bytes that are no text, foreign keys, computed columns; and what four views gave.
    assert told == {"badly", "worse", "mixed", "child", "priced", "cheap", "chance", "django_year", "twice"}
    old, new = contents(project.source), contents(new_file(project))
    assert {name: new.get(name) for name in old if name not in told and not name.startswith("search")} == {
        name: held for name, held in old.items() if name not in told and not name.startswith("search")
    }


def test_what_the_application_writes_on_postgresql_is_used_on_the_new_file(
    make_source: MakeSource, tmp_path: Path, postgres_url: str, manage: Run, attribution_request: dict[str, str]
) -> None:
    """By HTTP on both: what was posted to PostgreSQL is there, and the next post gets the next id."""
    source, made = Path(shutil.copy(make_source(), tmp_path / "db.sqlite3")), tmp_path / "back.sqlite3"
    where = ("--source", source, "--target", postgres_url, "--report", tmp_path / "there")
    manage("migrate_to_pg", *where)
    first = post(manage, postgres_url, attribution_request)
    done = manage(
        "migrate_from_pg", "--source", postgres_url, "--target", made, "--report", tmp_path / "back", "--lang", "fr"
    )
    assert done.stdout.startswith(f"Créé\N{NO-BREAK SPACE}: {made}")
    with closing(sqlite3.connect(made)) as database:
        (last,) = database.execute("SELECT max(id) FROM attributions_attribution").fetchone()
    assert last == first
    # Every page that they reach says the same on both.
    pages = walk(manage, postgres_url)
    assert len(pages) > 20
    assert walk(manage, f"sqlite:///{made}") == pages
    # The same part of the course is taken now: another one is asked for.
    assert post(manage, f"sqlite:///{made}", attribution_request | {"component": "TD"}) == first + 1
    # To go there once more, the run said the whole command.
    (line,) = [line for line in done.stdout.splitlines() if "--replace" in line]
    words = shlex.split(line)
    manage(*words[words.index("migrate_to_pg") :], "--report", tmp_path / "again")
    query = "SELECT count(*) FROM attributions_attribution"
    with closing(sqlite3.connect(made)) as database:
        assert database.execute(query).fetchall() == run_sql(postgres_url, query)


#: Follows each link and prints what each page says, without what is made anew for each answer.
WALK = """
import json, re
from django.contrib.auth import get_user_model
from django.test import Client
client, found, coming = Client(SERVER_NAME="localhost"), {}, ["/"]
client.force_login(get_user_model().objects.get(username="gestionnaire"))
while coming and len(found) < 300:
    page = coming.pop(0)
    answer = client.get(page, headers={"accept": "text/html"}, follow=True)
    text = b"".join(answer).decode("utf-8", "replace")
    html = answer["Content-Type"].startswith("text/html")
    said = re.sub(r'(name="csrfmiddlewaretoken" value|nonce)="[^"]*"', "", text) if html else answer["Content-Type"]
    found[page] = [answer.status_code, said]
    links = re.findall(r'href="(/[^"#]*)"', text) if html else []
    new = (link for link in dict.fromkeys(links) if "/static/" not in link)
    coming += [link for link in new if link not in found and link not in coming]
print(json.dumps(found))
"""


def walk(manage: Run, url: str) -> dict[str, tuple[int, str]]:
    """Read every page, as the secretary does; path -> its status and text."""
    out = manage("shell", "--verbosity", "0", "--command", WALK, DATABASE_URL=url).stdout
    pages: dict[str, tuple[int, str]] = json.loads(out.splitlines()[-1])
    return pages


def post(manage: Run, url: str, body: dict[str, str]) -> int:
    """Attribute, as the secretary does in a browser; the id."""
    code = ASK.format(arguments=json.dumps(["gestionnaire", [body]]))
    out = manage("shell", "--verbosity", "0", "--command", code, DATABASE_URL=url).stdout
    [[status, answer]] = json.loads(out.splitlines()[-1])
    assert status == 201, answer
    return int(answer["results"][0]["attribution"])
