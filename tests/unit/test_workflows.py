"""What the workflow, the hooks and the templates name exists."""

import re
import subprocess
import tomllib
from functools import partial
from typing import Any

import nox
import pytest
import yaml

import noxfile
from tests.conftest import ROOT

CI = ROOT / ".github" / "workflows" / "ci.yml"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TARGETS = set(re.findall(r"^([\w./-]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))


def read(path: Any) -> Any:
    return yaml.safe_load(path.read_text())


def commands(job: dict[str, Any]) -> list[str]:
    """The commands of a job, once for each entry of its matrix."""
    matrix = job.get("strategy", {}).get("matrix", {})
    entries = matrix.get("include") or [{key: value} for key, values in matrix.items() for value in values] or [{}]
    return [
        re.sub(r"\$\{\{ matrix\.(\w+) \}\}", partial(_filled_in, entry), step["run"])
        for entry in entries
        for step in job["steps"]
        if "run" in step
    ]


def _filled_in(entry: dict[str, str], found: re.Match[str]) -> str:
    return entry[found[1]]


@pytest.fixture(scope="module")
def ci_commands() -> str:
    return "\n".join(command for job in read(CI)["jobs"].values() for command in commands(job))


def test_the_workflow_runs_targets_of_make_that_exist(ci_commands: str) -> None:
    named = re.findall(r"^make (\S+)$", ci_commands, re.MULTILINE)
    assert {"lint", "test", "test-browser"} <= set(named) <= TARGETS


def test_every_file_that_make_quick_ignores_exists() -> None:
    printed = subprocess.run(["make", "-n", "quick"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    ignored = re.findall(r"--ignore=(\S+)", printed)
    assert ignored
    assert [name for name in ignored if not (ROOT / name).is_file()] == []


def test_the_workflow_runs_every_session_of_nox_but_that_of_the_checkout(ci_commands: str) -> None:
    named = re.findall(r'nox --session "?([^"\n]+)"?$', ci_commands, re.MULTILINE)
    assert named == [*(f"wheel({python}-{django})" for python, django in noxfile.COMBINATIONS), "others"]
    assert nox.options.sessions
    assert set(nox.options.sessions) <= set(named)


def test_every_django_and_python_that_the_package_names_is_tried() -> None:
    classifiers = PROJECT["classifiers"]
    djangos = {name.rpartition(" ")[2] for name in classifiers if re.search(r"Django :: \d", name)}
    pythons = {name.rpartition(" ")[2] for name in classifiers if re.search(r"Python :: \d\.", name)}
    assert djangos == set(noxfile.PYTHONS)
    assert pythons == {python for python, _ in noxfile.USUAL}


def test_the_workflow_may_only_read_and_names_a_version_of_each_action() -> None:
    workflow = read(CI)
    assert workflow["permissions"] == {"contents": "read"}
    used = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert used
    assert [name for name in used if not re.fullmatch(r"actions/[\w-]+@v\d+", name)] == []
    assert not any("permissions" in job for job in workflow["jobs"].values())


def test_the_hooks_call_programs_of_the_environment() -> None:
    hooks = [hook for repo in read(ROOT / ".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    assert {repo["repo"] for repo in read(ROOT / ".pre-commit-config.yaml")["repos"]} == {"local"}
    assert {hook["entry"].split()[0] for hook in hooks} == {".venv/bin/ruff", ".venv/bin/mypy"}


@pytest.mark.parametrize("name", ["fault.yml", "idea.yml"])
def test_the_forms_have_what_a_form_must_have(name: str) -> None:
    form = read(ROOT / ".github" / "ISSUE_TEMPLATE" / name)
    assert {"name", "description", "body"} <= set(form)
    questions = [part for part in form["body"] if part["type"] != "markdown"]
    assert len({part["id"] for part in questions}) == len(questions)
    assert all(part["attributes"]["label"] for part in questions)
