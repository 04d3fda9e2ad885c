"""What to do now, after a publication, done as it says: the entry pasted, the commands typed."""

import json
import os
import re
import shlex
import shutil
import textwrap
from pathlib import Path

import pytest

from tests.conftest import Query
from tests.projects import Project

DICTIONARY = """
from tests.projects.ready.settings import *

DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
"""


@pytest.fixture
def ready(tmp_path: Path) -> Project:
    made = Project("ready", tmp_path)
    made.migrate()
    return made


def steps_after(project: Project, url: str, **variables: str) -> list[str]:
    report = project.folder / "report"
    project.run("migrate_to_pg", "--source", project.source, "--target", url, "--report", report, ok=True, **variables)
    return list(json.loads((report / "report.json").read_text())["next_steps"])


def to_copy(steps: list[str]) -> list[str]:
    return [line for step in steps for line in step.splitlines()[1:]]


def test_the_variable_that_the_settings_read_is_all_that_the_application_needs(
    ready: Project, postgres_url: str
) -> None:
    first, *_ = steps_after(ready, postgres_url)
    assert first.splitlines()[0] == "Point the application to this database: its settings read DATABASE_URL."
    name, _, value = first.splitlines()[1].partition("=")
    ready.run("migrate", "--check", ok=True, **{name: value})


@pytest.mark.full
def test_a_dictionary_is_pasted_into_the_settings_as_it_stands(ready: Project, postgres_url: str) -> None:
    settings = ready.folder / "own_settings.py"
    settings.write_text(DICTIONARY)
    path = {"PYTHONPATH": os.pathsep.join([ready.environment({})["PYTHONPATH"], str(ready.folder)])}
    chosen = {**path, "DJANGO_SETTINGS_MODULE": "own_settings"}
    first, *_ = steps_after(ready, postgres_url, **chosen)
    assert first.splitlines()[0] == "Point the application to this database, in own_settings.py:"
    settings.write_text("\n".join([DICTIONARY, *first.splitlines()[1:]]))
    ready.run("migrate", "--check", ok=True, **chosen)
    asked = "from django.db import connection; print(connection.vendor, connection.introspection.table_names()[0])"
    assert "postgresql auth_group" in ready.run("shell", "-c", asked, ok=True, **chosen).stdout


def test_every_later_command_names_its_target_and_does_what_it_is_for(ready: Project, postgres_url: str) -> None:
    steps = steps_after(ready, postgres_url)
    commands = [shlex.split(line) for line in to_copy(steps) if "migrate_to_pg" in line]
    assert all(command[command.index("--target") + 1] == postgres_url for command in commands)
    verify, undo, purge = (command[command.index("migrate_to_pg") :] for command in commands)
    assert "Verified: " in ready.run(*verify, "--report", ready.folder / "later").stdout
    ready.run(*undo)
    assert "Removed " in ready.run(*purge, "--no-input").stdout


@pytest.mark.full
def test_what_is_easily_forgotten_is_said(ready: Project, postgres_url: str) -> None:
    told = " ".join(steps_after(ready, postgres_url))
    for fact in ("psycopg[binary]", "Uploaded files", "has the id that it had", "may leave INSTALLED_APPS"):
        assert fact in told


def undone_steps(project: Project, url: str, **variables: str) -> list[str]:
    steps_after(project, url, **variables)
    return project.run("migrate_to_pg", "--undo", "--target", url, ok=True, **variables).stdout.splitlines()


def after(lines: list[str], sentence: str) -> list[str]:
    """The lines that follow the one that holds this sentence."""
    return lines[next(number for number, line in enumerate(lines) if sentence in line) + 1 :]


@pytest.mark.full
def test_after_an_undo_the_variable_leads_back_to_the_sqlite_file(ready: Project, postgres_url: str) -> None:
    spaced = ready.source.with_name("my data 100%.sqlite3")
    shutil.copy(ready.source, spaced)
    ready.run("migrate_to_pg", "--source", spaced, "--target", postgres_url, "--report", ready.folder / "report")
    told = ready.run("migrate_to_pg", "--undo", "--replace", DATABASE_URL=postgres_url).stdout.splitlines()
    copied = after(told, "its settings read DATABASE_URL.")[0]
    name, _, value = copied.strip().partition("=")
    asked = "from django.db import connection; print(connection.settings_dict['NAME'])"
    assert str(spaced) in ready.run("shell", "-c", asked, ok=True, **{name: value}).stdout


@pytest.mark.full
def test_after_an_undo_the_entry_leads_back_to_the_sqlite_file(ready: Project, postgres_url: str) -> None:
    settings = ready.folder / "own_settings.py"
    path = {"PYTHONPATH": os.pathsep.join([ready.environment({})["PYTHONPATH"], str(ready.folder)])}
    chosen = {**path, "DJANGO_SETTINGS_MODULE": "own_settings"}
    settings.write_text(DICTIONARY)
    first, *_ = steps_after(ready, postgres_url, **chosen)
    settings.write_text("\n".join([DICTIONARY, *first.splitlines()[1:]]))
    lines = ready.run(
        "migrate_to_pg", "--undo", "--replace", "--target", postgres_url, ok=True, **chosen
    ).stdout.splitlines()
    entry = after(lines, "back to the SQLite database that was published, in own_settings.py:")
    entry = entry[: next(number for number, line in enumerate(entry) if line.strip() == "}") + 1]
    settings.write_text(
        "\n".join([DICTIONARY, *first.splitlines()[1:], *textwrap.dedent("\n".join(entry)).split("\n")])
    )
    asked = "from django.db import connection; print(connection.settings_dict['NAME'])"
    assert str(ready.source) in ready.run("shell", "-c", asked, ok=True, **chosen).stdout


@pytest.mark.full
def test_settings_that_name_the_sqlite_file_still_are_left_as_they_are(ready: Project, postgres_url: str) -> None:
    told = " ".join(undone_steps(ready, postgres_url))
    assert f"The settings have {ready.source}, which was published, as 'default'" in told


@pytest.mark.full
def test_a_verification_after_an_undo_says_when_it_was_undone_and_moves_again(
    ready: Project, postgres_url: str
) -> None:
    undone_steps(ready, postgres_url)
    # The server trusts whoever comes.
    target = postgres_url.replace("postgres@", "postgres:hunter2@")
    asked = ("migrate_to_pg", "--verify-only", "--target", target, "--report", ready.folder / "verified")
    refused = ready.run(*asked, ok=False)
    told = " ".join(refused.stdout.split())
    assert target != postgres_url
    assert "hunter2" not in refused.stdout + refused.stderr
    assert "The password of --target is not repeated here: put it back." in told
    assert refused.returncode == 3
    assert re.search(r"What was published to schema public on [-0-9]{10} [:0-9]{5} was undone on [-0-9]{10} ", told)
    assert re.search(r"its tables are kept in schema migrate_to_pg_undone_\w+ until --purge", told)
    command = shlex.split(after(refused.stdout.splitlines(), "To move again, with the same")[0])
    ready.run(*command[command.index("migrate_to_pg") :], "--report", ready.folder / "again")


@pytest.mark.full
def test_a_second_move_names_the_publication_that_stands_there_and_both_ways_on(
    ready: Project, postgres_url: str, execute: Query
) -> None:
    steps_after(ready, postgres_url)
    execute(postgres_url, "INSERT INTO auth_group (name) VALUES ('since')")
    move = ("migrate_to_pg", "--source", ready.source, "--target", postgres_url)
    refused = ready.run(*move, "--report", ready.folder / "second", ok=False)
    told = " ".join(refused.stderr.split())
    assert refused.returncode == 1
    assert re.search(rf"public holds what was published there on [-0-9]{{10}} [:0-9]{{5}} from {ready.source}: ", told)
    assert re.search(r"auth_group: \d+ rows?; when it was published, \d+", told)
    assert "no migration made" not in told
    assert "--undo --target URL takes that publication out again" in told
    assert "--replace, added to this command, publishes anew" in told
    ready.run(*move, "--replace", "--report", ready.folder / "third")
    ready.run("migrate_to_pg", "--undo", "--target", postgres_url)
    assert execute(postgres_url, "SELECT count(*) FROM auth_group WHERE name = 'since'") == [(1,)]


CALLED = "docker compose run --rm web python manage.py"


@pytest.mark.full
@pytest.mark.parametrize("way", ["variable", "setting"])
def test_commands_name_the_manage_script_that_the_operator_types(ready: Project, postgres_url: str, way: str) -> None:
    """As in a container, whose settings have PostgreSQL already."""
    told = {"MIGRATE_TO_PG_COMMAND": CALLED} if way == "variable" else {}
    told |= {"PROJECT_MIGRATE_TO_PG": json.dumps({"COMMAND": CALLED if way == "setting" else "another manage.py"})}
    report = ready.folder / "report"
    here = {"DATABASE_URL": postgres_url, **told}
    ready.run("migrate_to_pg", "--source", ready.source, "--report", report, ok=True, **here)
    steps = json.loads((report / "report.json").read_text())["next_steps"]
    commands = to_copy(steps)
    assert len(commands) == 4
    assert all(command.startswith(f"{CALLED} migrate") for command in commands)
    assert steps[0].startswith("The settings have this database as 'default' already")
    assert not any("psycopg" in step or "DATABASES" in step or "DATABASE_URL=" in step for step in steps)
    undo = shlex.split(next(command for command in commands if "--undo" in command))
    # The project wrote a row when it started.
    assert "Undone: " in ready.run(*undo[len(CALLED.split()) :], "--replace", ok=True, **here).stdout


@pytest.mark.parametrize("value", ["python 'manage.py", "psql postgres://user:password@host/name"])
def test_what_calls_nothing_is_refused(ready: Project, value: str) -> None:
    refused = ready.run("migrate_to_pg", "--check", ok=False, MIGRATE_TO_PG_COMMAND=value)
    assert refused.returncode == 2
    assert "MIGRATE_TO_PG_COMMAND is not how a command is called." in refused.stderr
    assert "password" not in refused.stderr


@pytest.mark.full
def test_after_a_check_the_rehearsal_is_on_the_server_that_the_settings_name(ready: Project, postgres_url: str) -> None:
    def rehearsal(**variables: str) -> list[str]:
        looked = ready.run("migrate_to_pg", "--source", ready.source, "--check", "--json", ok=True, **variables)
        (line,) = to_copy(json.loads(looked.stdout)["next_steps"])
        return shlex.split(line)

    assert rehearsal()[-2:] == ["--target", "embedded"]
    command = rehearsal(DATABASE_URL=postgres_url)
    assert "--target" not in command
    arguments = command[command.index("migrate_to_pg") :]
    assert "Your project can move" in ready.run(*arguments, DATABASE_URL=postgres_url).stdout
