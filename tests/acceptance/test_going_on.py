"""A run that is blocked ends with a command to copy, which goes on; each rule explains itself without a database."""

import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from migrate_to_pg.postgres import embedded
from migrate_to_pg.rules.docs import reference
from tests.conftest import ROOT, MakeSource, Run, project_tables

PASSWORD = "hunter2-planted"
DAMAGE = "dangling-fk,code-in-fk,too-long"


def ran(words: Sequence[str | Path], cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The words as a person types them, in a process that nothing was loaded for."""
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def copied(output: str) -> str:
    """The command of the last screen."""
    lines = output.splitlines()
    start = max(i for i, line in enumerate(lines) if line.startswith(("To go on:", "First do")))
    return lines[start + 1].strip()


def test_the_command_that_a_blocked_check_gives_goes_on(make_source: MakeSource, tmp_path: Path) -> None:
    typed: list[str | Path] = [sys.executable, "manage.py", "migrate_to_pg", "--check", "--source", make_source(DAMAGE)]
    typed += ["--settings", "attribution_project.settings", "--report", tmp_path / "a b"]
    blocked = ran(typed)
    assert blocked.returncode == 1
    assert f"Report: {tmp_path / 'a b' / 'report.html'}" in blocked.stdout.splitlines()
    command = copied(blocked.stdout)
    words = shlex.split(command)
    assert words[:4] == [sys.executable, "manage.py", "migrate_to_pg", "--check"]
    assert words[words.index("--settings") + 1] == "attribution_project.settings"
    assert words[words.index("--source") + 1] == str(make_source(DAMAGE))
    assert "--quarantine" not in words
    gone_on = ran(["sh", "-c", command])
    assert gone_on.returncode == 0, gone_on.stdout
    assert json.loads((tmp_path / "a b" / "report.json").read_text())["continue_with"] == ""


def test_what_was_accepted_already_is_accepted_by_the_next_command_too(
    make_source: MakeSource, manage: Run, tmp_path: Path
) -> None:
    options = ("--check", "--source", make_source(DAMAGE), "--fix", "text-too-long", "--report", tmp_path / "report")
    command = shlex.split(copied(manage("migrate_to_pg", *options, ok=False).stdout))
    assert command[command.index("--fix") + 1].startswith("text-too-long,")


def test_the_command_holds_no_password_and_says_so(
    make_source: MakeSource, manage: Run, postgres_url: str, tmp_path: Path
) -> None:
    target = postgres_url.replace("postgres@", f"postgres:{PASSWORD}@")
    options = ("--rehearse", "--source", make_source("too-long"), "--target", target, "--report", tmp_path / "report")
    blocked = manage("migrate_to_pg", *options, ok=False)
    assert f"--target {postgres_url}" in copied(blocked.stdout)
    assert "The password of --target is not repeated here: put it back." in blocked.stdout
    assert PASSWORD not in blocked.stdout + blocked.stderr


@pytest.mark.parametrize("command", ["migrate_to_pg", "sqlite_doctor"])
def test_a_rule_is_explained_without_a_database(command: str, manage: Run) -> None:
    nowhere = "sqlite:////nowhere/other.sqlite3"
    page = manage(command, "--explain", "text-too-long", DATABASE_URL=nowhere).stdout
    assert page.startswith("## text-too-long\n")
    assert page in reference()
    assert manage(command, "--explain", "merge-duplicates", DATABASE_URL=nowhere).stdout.startswith("## duplicate-key")
    assert manage(command, "--explain", "write-probe", DATABASE_URL=nowhere).stdout.startswith("## write-probe")


def test_an_unknown_rule_is_answered_with_the_known_ones(manage: Run) -> None:
    refused = manage("migrate_to_pg", "--explain", "text-to-long", ok=False)
    assert refused.returncode == 2
    assert "--explain text-to-long: there is no such rule." in refused.stderr
    assert "text-too-long" in refused.stderr


@pytest.mark.full
def test_the_time_told_is_that_of_the_clock_on_the_wall(make_source: MakeSource, tmp_path: Path) -> None:
    typed: list[str | Path] = [
        sys.executable,
        "manage.py",
        "migrate_to_pg",
        "--source",
        str(make_source("none")),
        "--report",
        tmp_path / "r",
    ]
    typed += ["--rehearse", "--target", f"embedded:{tmp_path / 'postgresql'}", "--json"]
    began = time.monotonic()
    told = json.loads(ran(typed).stdout)
    elapsed = time.monotonic() - began
    names = [stage["name"] for stage in told["stages"]]
    assert names[:2] == ["start", "server start"]
    assert names[-1] == "server stop"
    assert sum(stage["seconds"] for stage in told["stages"]) <= told["seconds"] <= elapsed
    # What is not in it is the end of the process: far less than half, however busy the machine is.
    assert told["seconds"] > elapsed / 2
    assert told["target"]["embedded"] == str(tmp_path / "postgresql")


@pytest.mark.full
def test_a_shell_that_waited_before_it_became_the_command_is_not_counted(
    make_source: MakeSource, tmp_path: Path
) -> None:
    command = shlex.join(
        [sys.executable, "manage.py", "migrate_to_pg", "--check", "--source", str(make_source("none"))]
    )
    began = time.monotonic()
    told = json.loads(ran(["sh", "-c", f"sleep 3; exec {command} --json --report {tmp_path / 'r'}"]).stdout)
    assert told["seconds"] < time.monotonic() - began - 2.9


def test_a_stage_that_is_begun_again_is_told_once(
    make_source: MakeSource, manage: Run, postgres_url: str, tmp_path: Path
) -> None:
    where = ("--source", make_source("too-long"), "--target", postgres_url, "--report", tmp_path / "report")
    told = json.loads(manage("migrate_to_pg", "--rehearse", "--json", *where, ok=False).stdout)
    names = [stage["name"] for stage in told["stages"]]
    assert names.count("examine") == 1
    assert len(set(names)) == len(names)


@pytest.mark.full
def test_an_embedded_target_is_called_so_and_an_undo_says_where_everything_went(
    make_source: MakeSource, manage: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "postgresql"
    where = ("--target", f"embedded:{folder}")
    moved = manage("migrate_to_pg", "--source", make_source("none"), *where, "--report", tmp_path / "report")
    try:
        assert f"Target: embedded PostgreSQL 18 in {folder}; PostgreSQL 18." in moved.stdout
        assert "%2F" not in moved.stdout.split("What to do now")[0]
        undone = manage("migrate_to_pg", "--undo", *where).stdout
        assert re.match(
            rf"Undone: what was published, {project_tables()} tables, was moved from schema public to schema"
            r" migrate_to_pg_undone_\w+;"
            r" there were no earlier tables to restore\.\n",
            undone,
        )
    finally:
        embedded.resume(folder).stop()
