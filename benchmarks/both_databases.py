"""Measure the application in an empty SQLite database and in an empty one of the embedded PostgreSQL."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from migrate_to_pg.postgres import embedded

ROOT = Path(__file__).resolve().parents[1]


def measure_both(module: str, about: str | None, measure: Callable[[], None], fill: Sequence[str] = ()) -> None:
    """Run a benchmark on both databases, in a process of its own each, by the command line of its module.

    Args:
        module: the benchmark's name, which is run again with --here.
        about: what it measures, for --help.
        measure: measures the database of DATABASE_URL, once it is migrated.
        fill: words of the management command that fills the database first.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--here", action="store_true", help="measure the database of DATABASE_URL, in this process")
    if parser.parse_args().here:
        measure()
        return
    print(f"load of the machine {os.getloadavg()[0]:.1f}")
    filled = [("manage.py", *fill)] if fill else []
    commands = [("manage.py", "migrate", "--verbosity", "0"), *filled, ("-m", module, "--here")]
    with tempfile.TemporaryDirectory() as folder:
        _run("SQLite", f"sqlite:///{folder}/db.sqlite3", commands)
        server = embedded.start(Path(folder) / "postgresql")
        try:
            _run("PostgreSQL", server.url(), commands)
        finally:
            server.stop()


def _run(name: str, url: str, commands: Sequence[Sequence[str]]) -> None:
    print(f"{name}:", flush=True)
    environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "attribution_project.settings"}
    environment |= {"ALLOWED_HOSTS": "testserver"}
    for command in commands:
        # What fills the database does not belong to the result.
        output = None if "--here" in command else sys.stderr
        subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=True, stdout=output)
