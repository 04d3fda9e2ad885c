"""Ctrl-C before a command has begun anything, while its modules are imported, and after it is done."""

import os
import signal
import subprocess
import sys

import pytest

from tests.conftest import ROOT

#: A manage.py whose import of the pipeline is interrupted.
MANAGE = """
import os, signal, sys
from django.core.management import execute_from_command_line

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("migrate_to_pg.") and name.rpartition(".")[2] in ("pipeline", "trial", "diagnose"):
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
execute_from_command_line(["manage.py", *sys.argv[1:]])
"""


@pytest.mark.parametrize("command", ["migrate_to_pg", "migrate_from_pg", "sqlite_doctor", "pg_behaviour"])
def test_a_command_that_is_interrupted_while_it_imports_shows_no_traceback(command: str) -> None:
    done = run(MANAGE, command)
    assert "Traceback" not in done.stderr
    assert "Interrupted" in done.stderr
    assert done.returncode == 1


#: A manage.py that is interrupted once its command has returned, after psycopg warned of a connection.
LATE = """
import logging, signal, sys
from django.core.management import execute_from_command_line

execute_from_command_line(["manage.py", *sys.argv[1:]])
logging.getLogger("psycopg").warning("error ignored in rollback")
signal.raise_signal(signal.SIGINT)
"""


def test_a_signal_after_the_command_is_done_makes_no_failure_of_it() -> None:
    done = run(LATE, "migrate_to_pg", "--explain", "text-too-long")
    assert (done.returncode, done.stderr) == (0, "")


def run(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "attribution_project.settings", "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
