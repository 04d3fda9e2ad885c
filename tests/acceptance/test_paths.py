"""Paths that nobody can look at, terminals that cannot write what is told, and paths that are told to be pasted."""

import shlex

import pytest

from tests.projects import Project

LONG = "x" * 300


@pytest.fixture
def stray(tmp_path):
    made = Project("stray", tmp_path)
    made.migrate()
    return made


@pytest.mark.parametrize(
    "arguments",
    [
        ("migrate_to_pg", "--check", "--source", LONG),
        ("migrate_to_pg", "--check", "--source", f"sqlite:////{LONG}"),
        ("migrate_to_pg", "--dump", LONG),
        ("migrate_to_pg", "--check", "--from-dump", LONG),
        ("sqlite_doctor", LONG),
    ],
    ids=["source", "url", "dump", "from-dump", "doctor"],
)
def test_a_path_that_the_system_refuses_is_a_matter_of_usage(stray, arguments):
    refused = stray.run(*arguments, ok=False)
    assert refused.returncode == 2
    assert f"{LONG} cannot be looked at: File name too long." in refused.stdout + refused.stderr


@pytest.mark.parametrize("command", [("sqlite_doctor",), ("migrate_to_pg", "--check")])
def test_a_terminal_that_cannot_write_it_is_shown_it_escaped(stray, command):
    stray.sqlite("INSERT INTO stray_thing (name) VALUES ('été, encore et encore, trop long')")
    shown = stray.run(*command, "--lang", "fr", ok=False, PYTHONIOENCODING="ascii")
    assert shown.returncode == 1
    assert r"\xe9t\xe9, encore" in shown.stdout


def test_the_repair_that_is_offered_is_of_the_database_that_was_looked_at(stray, tmp_path):
    elsewhere = tmp_path / "a copy.sqlite3"
    elsewhere.write_bytes(stray.source.read_bytes())
    other = Project("stray", tmp_path)
    other.sqlite("UPDATE django_migrations SET name = name")
    damaged = Project("stray", tmp_path)
    damaged.sqlite("INSERT INTO auth_permission VALUES (900, 77, 'x', 'x')")
    elsewhere.write_bytes(damaged.source.read_bytes())
    told = stray.run("sqlite_doctor", elsewhere, ok=False)
    assert f"sqlite_doctor {shlex.quote(str(elsewhere))} --repair " in " ".join(told.stdout.split())
