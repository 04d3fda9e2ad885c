"""A project with a copy of its data on PostgreSQL, made once for all tests here."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import preloaded
from tests.conftest import ROOT, SERVER_VERSIONS, Server

SHADOWED = Path(__file__).with_name("shadowed")


@dataclass
class Shadowed:
    """A copy of the project beside this file, and of its data on PostgreSQL."""

    folder: Path
    url: str

    @property
    def source(self) -> Path:
        return self.folder / "db.sqlite3"

    def run(self, *arguments: str, ok: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
        names = ("PATH", "HOME", "XDG_DATA_HOME", "LANG", "PYTHONUTF8")
        kept = {key: os.environ[key] for key in names if key in os.environ}
        paths = {"PYTHONPATH": str(ROOT), "COPY": self.url, "SOURCE": str(self.source), "LANGUAGE": "en"}
        environment = kept | paths | variables
        done = preloaded.run(arguments, cwd=self.folder, env=environment, timeout=120)
        assert not ok or done.returncode == 0, done.stdout + done.stderr
        return done

    def report(self, *arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("report.py", *arguments).stdout.splitlines()[-1])
        return found


@pytest.fixture(scope="package")
def shadowed(servers: dict[int, Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shadowed]:
    server = servers[SERVER_VERSIONS[0]]
    folder = tmp_path_factory.mktemp("shadowed") / "site"
    shutil.copytree(SHADOWED, folder)
    # The directory of a manage.py is no package.
    (folder / "__init__.py").unlink()
    project = Shadowed(folder, server.database())
    project.run("manage.py", "makemigrations", "library", "-v0")
    project.run("manage.py", "migrate", "-v0")
    project.run("manage.py", "shell", "-v0", "-c", "from library.fill import fill; fill()")
    # A view of both databases, and one of SQLite alone.
    view = "VIEW {} AS SELECT name, api_token AS t, rank FROM library_member"
    with closing(sqlite3.connect(project.source)) as database:
        for name in ("library_keys", "library_keys_of_sqlite"):
            database.execute(f"CREATE {view.format(name)}")
    project.run("manage.py", "migrate_to_pg", "--source", str(project.source), "--target", project.url)
    with psycopg.connect(project.url, autocommit=True) as connection:
        connection.execute(f"CREATE {view.format('library_keys')}")
    yield project
    server.drop(project.url)


def line(text: str) -> str:
    """The place of a line of the project's views."""
    lines = (SHADOWED / "library" / "urls.py").read_text().splitlines()
    [number] = [number for number, one in enumerate(lines, 1) if text in one]
    return f"library/urls.py:{number}"
