"""What to do now, after a publication, done as it says: the entry pasted, the commands typed."""

import json
import os
import shlex

import pytest

from tests.projects import Project

DICTIONARY = """
from tests.projects.ready.settings import *

DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
"""


@pytest.fixture
def ready(tmp_path):
    made = Project("ready", tmp_path)
    made.migrate()
    return made


def steps_after(project, url, **variables):
    report = project.folder / "report"
    project.run("migrate_to_pg", "--source", project.source, "--target", url, "--report", report, **variables)
    return json.loads((report / "report.json").read_text())["next_steps"]


def to_copy(steps):
    return [line for step in steps for line in step.splitlines()[1:]]


def test_the_variable_that_the_settings_read_is_all_that_the_application_needs(ready, postgres_url):
    first, *_ = steps_after(ready, postgres_url)
    assert first.splitlines()[0] == "Point the application to this database: its settings read DATABASE_URL."
    name, _, value = first.splitlines()[1].partition("=")
    ready.run("migrate", "--check", **{name: value})


def test_a_dictionary_is_pasted_into_the_settings_as_it_stands(ready, postgres_url):
    settings = ready.folder / "own_settings.py"
    settings.write_text(DICTIONARY)
    path = {"PYTHONPATH": os.pathsep.join([ready.environment({})["PYTHONPATH"], str(ready.folder)])}
    chosen = {**path, "DJANGO_SETTINGS_MODULE": "own_settings"}
    first, *_ = steps_after(ready, postgres_url, **chosen)
    assert first.splitlines()[0] == "Point the application to this database, in own_settings.py:"
    settings.write_text("\n".join([DICTIONARY, *first.splitlines()[1:]]))
    ready.run("migrate", "--check", **chosen)
    asked = "from django.db import connection; print(connection.vendor, connection.introspection.table_names()[0])"
    assert "postgresql auth_group" in ready.run("shell", "-c", asked, **chosen).stdout


def test_every_later_command_names_its_target_and_does_what_it_is_for(ready, postgres_url):
    steps = steps_after(ready, postgres_url)
    commands = [shlex.split(line) for line in to_copy(steps) if "migrate_to_pg" in line]
    assert all(command[command.index("--target") + 1] == postgres_url for command in commands)
    verify, undo, purge = (command[command.index("migrate_to_pg") :] for command in commands)
    assert "Verified: " in ready.run(*verify, "--report", ready.folder / "later").stdout
    ready.run(*undo)
    assert "Removed " in ready.run(*purge, "--no-input").stdout


def test_what_is_easily_forgotten_is_said(ready, postgres_url):
    told = " ".join(steps_after(ready, postgres_url))
    for fact in ("psycopg[binary]", "Uploaded files", "has the id that it had", "may leave INSTALLED_APPS"):
        assert fact in told
