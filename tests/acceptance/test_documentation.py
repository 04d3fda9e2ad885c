"""The documents say what is true: every option is there, every command in them runs, every named test exists."""

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import load_command_class

from tests.conftest import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = {
    "migrate_to_pg": "migrate_to_pg",
    "sqlite_doctor": "migrate_to_pg",
    "make_demo_data": "attributions",
    "make_legacy_db": "attributions",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_every_command_is_in_the_reference(name):
    reference = (ROOT / "docs/reference/commands.md").read_text()
    parser = load_command_class(COMMANDS[name], name).create_parser("manage.py", name)
    ours = [action for action in parser._actions if not is_djangos(action)]
    options = {option for action in ours for option in action.option_strings if option != "--noinput"}
    assert options
    assert {option for option in options if option not in reference} == set()


def is_djangos(action: argparse.Action) -> bool:
    common = "help version verbosity settings pythonpath traceback no_color force_color skip_checks"
    return action.dest in common.split()


def commands_in(document: Path) -> list[str]:
    """What a reader is told to type: the lines that start with a dollar sign."""
    return re.findall(r"^ *\$ (.+)$", document.read_text(), flags=re.M)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of what git tracks, with this interpreter in its .venv, and a source database in it."""
    folder = tmp_path_factory.mktemp("checkout")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    for name in filter(None, tracked):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, target)
    (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    return folder


#: What a reader types that is tried elsewhere, or needs what this machine may lack: command -> where it is tried.
ELSEWHERE = {
    "make demo": "tests/acceptance/test_demo.py",
    "make demo-stop": "tests/acceptance/test_demo.py",
    "make test": "it is what runs this",
    "make run": "tests/app",
    "docker compose up --build --detach": "tests/app (the configuration); a Docker engine",
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_in_the_documents_runs(document, checkout, postgres_url):
    told = [command for command in commands_in(document) if command not in ELSEWHERE]
    if told:
        make_source(checkout)
    for command in told:
        run(command, checkout, postgres_url)


def make_source(checkout: Path) -> None:
    (checkout / "db.sqlite3").unlink(missing_ok=True)
    arguments = [sys.executable, "manage.py", "make_legacy_db", "db.sqlite3", "--damage", "none"]
    subprocess.run(arguments, cwd=checkout, check=True, stdout=subprocess.DEVNULL)


def run(command: str, checkout: Path, url: str) -> None:
    """As it is written, but for the server that the reader has and this test has not."""
    command = re.sub(r"postgres://\S+", url, command).replace(".venv/bin/python", sys.executable)
    words = shlex.split(command)
    variables = dict(word.split("=", 1) for word in words if re.match(r"^[A-Z_]+=", word))
    arguments = [word for word in words if not re.match(r"^[A-Z_]+=", word)]
    if arguments[-1] == "--purge":
        arguments.append("--no-input")  # a reader answers its question
    result = subprocess.run(
        arguments, cwd=checkout, env={"PATH": "/usr/bin:/bin", **variables}, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"


def test_every_test_that_the_readme_names_exists():
    """A guarantee without its test is a promise without proof."""
    text = (ROOT / "README.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)
    assert len(named) >= 8
    for path, name in named:
        assert f"def {name or 'test_'}" in (ROOT / path).read_text(), (path, name)


def test_every_link_between_the_documents_leads_somewhere():
    for document in DOCUMENTS:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (document.parent / link).exists(), (document, link)
