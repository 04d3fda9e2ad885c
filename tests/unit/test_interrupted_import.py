"""Ctrl-C before a command has begun anything: while its modules are imported."""

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
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "attribution_project.settings", "LC_ALL": "C.UTF-8"}
    line = [sys.executable, "-c", MANAGE, command]
    done = subprocess.run(
        line,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert "Traceback" not in done.stderr
    assert "Interrupted" in done.stderr
    assert done.returncode == 1
