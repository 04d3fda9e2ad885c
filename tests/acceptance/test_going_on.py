"""A run that is blocked ends with a command to copy, which goes on; each rule explains itself without a database."""

import json
import shlex
import subprocess
import sys

import pytest

from migrate_to_pg.rules.reference import reference
from tests.conftest import ROOT

PASSWORD = "hunter2-planted"
DAMAGE = "dangling-fk,code-in-fk,too-long"


def ran(words, cwd=ROOT):
    """The words as a person types them, in a process that nothing was loaded for."""
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def copied(output):
    """The command of the last screen."""
    lines = output.splitlines()
    start = max(i for i, line in enumerate(lines) if line.startswith(("To go on:", "Correct by hand")))
    return lines[start + 1].strip()


def test_the_command_that_a_blocked_check_gives_goes_on(made, tmp_path):
    typed = [sys.executable, "manage.py", "migrate_to_pg", "--check", "--source", made(DAMAGE)]
    typed += ["--settings", "attribution_project.settings", "--report", tmp_path / "a b"]
    blocked = ran(typed)
    assert blocked.returncode == 1
    assert f"Report: {tmp_path / 'a b' / 'report.html'}" in blocked.stdout.splitlines()
    command = copied(blocked.stdout)
    words = shlex.split(command)
    assert words[:4] == [sys.executable, "manage.py", "migrate_to_pg", "--check"]
    assert words[words.index("--settings") + 1] == "attribution_project.settings"
    assert words[words.index("--source") + 1] == str(made(DAMAGE))
    assert "--quarantine" not in words
    gone_on = ran(["sh", "-c", command])
    assert gone_on.returncode == 0, gone_on.stdout
    assert json.loads((tmp_path / "a b" / "report.json").read_text())["continue_with"] == ""


def test_what_was_accepted_already_is_accepted_by_the_next_command_too(made, manage, tmp_path):
    options = ("--check", "--source", made(DAMAGE), "--fix", "text-too-long", "--report", tmp_path / "report")
    command = shlex.split(copied(manage("migrate_to_pg", *options, ok=False).stdout))
    assert command[command.index("--fix") + 1].startswith("text-too-long,")


def test_the_command_holds_no_password_and_says_so(made, manage, postgres_url, tmp_path):
    target = postgres_url.replace("postgres@", f"postgres:{PASSWORD}@")
    options = ("--rehearse", "--source", made("too-long"), "--target", target, "--report", tmp_path / "report")
    blocked = manage("migrate_to_pg", *options, ok=False)
    assert f"--target {postgres_url}" in copied(blocked.stdout)
    assert "The password of --target is not repeated here: put it back." in blocked.stdout
    assert PASSWORD not in blocked.stdout + blocked.stderr


@pytest.mark.parametrize("command", ["migrate_to_pg", "sqlite_doctor"])
def test_a_rule_is_explained_without_a_database(command, manage):
    nowhere = "sqlite:////nowhere/other.sqlite3"
    page = manage(command, "--explain", "text-too-long", DATABASE_URL=nowhere).stdout
    assert page.startswith("## text-too-long\n")
    assert page in reference()
    assert manage(command, "--explain", "merge-duplicates", DATABASE_URL=nowhere).stdout.startswith("## duplicate-key")
    assert manage(command, "--explain", "write-probe", DATABASE_URL=nowhere).stdout.startswith("## write-probe")


def test_an_unknown_rule_is_answered_with_the_known_ones(manage):
    refused = manage("migrate_to_pg", "--explain", "text-to-long", ok=False)
    assert refused.returncode == 2
    assert "--explain text-to-long: there is no such rule." in refused.stderr
    assert "text-too-long" in refused.stderr
