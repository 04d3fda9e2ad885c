"""An error has one form, on stderr: what happened, what was not done, and what to type next. stdout is for results."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, MakeSource, Run

NOWHERE = "postgres://u@127.0.0.1:1/db"


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("migrate_to_pg --reherse", "Did you mean --rehearse?"),
        ("migrate_to_pg rehearse", "Did you mean --rehearse?"),
        ("migrate_to_pg --verfiy=cells --check", "Did you mean --verify?"),
        ("migrate_to_pg --check --verify cell", "Did you mean cells?"),
        ("migrate_to_pg --check --fix text-to-long", "Did you mean text-too-long?"),
        ("migrate_to_pg --check --quarantine Foreign-Key-Orphans", "Did you mean foreign-key-orphan?"),
        ("migrate_to_pg --check --exclude-data auth.Usr", "Did you mean auth.user?"),
        ("migrate_to_pg --check --exclude-data django_sesion", "Did you mean django_session?"),
        ("migrate_to_pg --explain text-to-long", "Did you mean text-too-long?"),
        (
            "migrate_to_pg --explain foreign-key",
            "Did you mean foreign-key-check, foreign-key-orphan, dangling-foreign-key or generic-foreign-key-orphan?",
        ),
        ("migrate_to_pg --explain json", "Did you mean json-depth, json-escape, json-number or invalid-json?"),
        ("sqlite_doctor --explain boolean", "Did you mean boolean-as-read or boolean-value?"),
        ("migrate_to_pg --check --fix orphan", "Did you mean foreign-key-orphan?"),
        ("sqlite_doctor --repiar all", "Did you mean --repair?"),
        ("sqlite_doctor --repair wall", "Did you mean wal?"),
        ("sqlite_doctor --repair losless", "Did you mean lossless?"),
    ],
)
def test_a_name_that_is_nearly_right_is_asked_for(
    line: str, meant: str, manage: Run, make_source: MakeSource, tmp_path: Path
) -> None:
    url = f"sqlite:///{make_source('none')}"
    report = ["--report", tmp_path / "report"] if "--check" in line else []
    ended = manage(*line.split(), *report, ok=False, DATABASE_URL=url)
    assert (ended.returncode, ended.stdout) == (2, "")
    *_, error, next_step = ended.stderr.splitlines()
    assert error.startswith("Error: ")
    done = "Nothing was changed. " if "sqlite_doctor" in line else "Nothing was published. "
    # No data are concerned where a rule is explained.
    assert next_step.startswith(f"{'' if '--explain' in line else done}{meant}")


def test_what_is_nothing_like_any_name_gets_the_list(manage: Run, make_source: MakeSource) -> None:
    ended = manage(
        "migrate_to_pg", "--check", "--fix", "nonsense", ok=False, DATABASE_URL=f"sqlite:///{make_source('none')}"
    )
    assert "Nothing was published. Known: " in ended.stderr


@pytest.mark.parametrize("command", ["migrate_to_pg", "sqlite_doctor"])
def test_a_wrong_option_is_answered_in_five_lines(command: str, manage: Run) -> None:
    ended = manage(command, "--no-such-thing", ok=False)
    assert len(ended.stderr.splitlines()) <= 5
    assert ended.stderr.endswith(f"All options: manage.py {command} --help\n")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_server_that_does_not_answer_is_an_error_and_no_result(
    options: tuple[str, ...], manage: Run, make_source: MakeSource, tmp_path: Path
) -> None:
    ended = manage(
        "migrate_to_pg", "--source", make_source("none"), "--target", NOWHERE, "--report", tmp_path / "report",
        *options, ok=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "\nError: PostgreSQL at 127.0.0.1:1 cannot be reached as user u.\n" in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("Nothing was published. Check that the server runs")
    told = json.loads(ended.stdout)["failure"]["exit_status"] if options else ended.stdout
    assert told == (1 if options else "")


def test_what_was_found_is_a_result(manage: Run, make_source: MakeSource, tmp_path: Path) -> None:
    ended = manage(
        "migrate_to_pg", "--check", "--source", make_source("dangling-fk"), "--report", tmp_path / "report", ok=False
    )
    assert ended.returncode == 1
    assert "dangling-foreign-key" in ended.stdout
    assert "Error: " not in ended.stderr


@pytest.mark.parametrize("command", ["migrate_to_pg", "migrate_from_pg", "sqlite_doctor"])
def test_help_is_grouped_and_ends_with_examples_that_run(
    command: str, manage: Run, make_source: MakeSource, tmp_path: Path
) -> None:
    told = manage(command, "--help", COLUMNS="80").stdout
    groups = re.findall(r"^(\w.*):$", told, re.M)
    assert groups[-1] == "examples"
    # Those that every command of Django's has come last.
    assert groups.index("options") == len(groups) - 2
    assert max(map(len, told.splitlines())) <= 110
    examples = re.findall(rf"^  manage\.py ({command}.*)$", told, re.M)
    # Each is seen: what else stands there is further indented.
    assert len(examples) == len(re.findall(r"^  \S", told[told.index("\nexamples:") :], re.M)) >= 3
    for example in examples:
        # Understood: what follows is the database that is not there.
        words = example.replace("db.sqlite3", str(tmp_path / "none.sqlite3")).split()
        missing = ["--source", tmp_path / "none.sqlite3"] if "none.sqlite3" not in str(words) else []
        ended = manage(*words, *(missing if command == "migrate_to_pg" else []), ok=False)
        assert "usage: " not in ended.stderr, ended.stderr


def test_the_groups_of_repairs_are_told_by_the_help_and_by_the_readme(manage: Run) -> None:
    told = " ".join(manage("migrate_to_pg", "--help", COLUMNS="80").stdout.split())
    readme = (ROOT / "README.md").read_text()
    for group in ("lossless", "lossy"):
        assert f"{group}: each" in told
        assert f"`--fix {group}`" in readme


def test_ready_is_said_of_what_was_looked_at_alone(manage: Run, make_source: MakeSource, tmp_path: Path) -> None:
    def check(damage: str) -> str:
        options = ("--source", make_source(damage), "--report", tmp_path / damage)
        return " ".join(manage("migrate_to_pg", "--check", *options, ok=False).stdout.split())

    assert check("none").startswith(
        "Ready: nothing was found in rows, keys and models that would stop this database from moving; what RunSQL and"
        " RunPython do, a rehearsal tries."
    )
    assert "Ready" not in check("dangling-fk")


def module(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "HOME": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", "migrate_to_pg", *arguments], cwd=folder, env=environment | variables,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("variables", [{}, {"DJANGO_SETTINGS_MODULE": "no_such_settings"}])
def test_run_as_a_module_without_a_project_it_says_how_it_is_run(variables: dict[str, str], tmp_path: Path) -> None:
    ended = module(tmp_path, "--check", **variables)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert 'Add "migrate_to_pg" to INSTALLED_APPS, then run: python manage.py migrate_to_pg' in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.full
def test_run_as_a_module_with_settings_it_is_the_command(make_source: MakeSource, tmp_path: Path) -> None:
    variables = {
        "DJANGO_SETTINGS_MODULE": "attribution_project.settings",
        "DATABASE_URL": f"sqlite:///{make_source('none')}",
    }
    ended = module(tmp_path, "--check", "--report", "report", **variables)
    assert ended.returncode == 0, ended.stderr
    assert "Ready: " in ended.stdout
    assert "Did you mean --check?" in module(tmp_path, "--chekc", **variables).stderr
