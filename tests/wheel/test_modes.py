"""Every command and mode, on a database with faults, with the Django that is installed here."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.wheel.conftest import run
from tests.wheel.modes import MODES

#: An orphan, a date with a time behind it, and a table that no migration knows.
DAMAGE = """
    PRAGMA foreign_keys = off;
    INSERT INTO shapes_plain (id, parent_id) VALUES (9001, 9999);
    UPDATE shapes_laid SET "when" = '2024-01-31 12:00' WHERE rowid = 1;
    CREATE TABLE kept_by_hand (note TEXT);
    INSERT INTO kept_by_hand VALUES ('a note');
"""


def test_every_command_and_mode_ends_with_the_status_it_promises(tmp_path: Path, server: Path) -> None:
    settings = "tests.projects.shapes.settings"
    run(settings, tmp_path, "django", "migrate", "--run-syncdb", "-v0")
    run(settings, tmp_path, "tests.wheel.fill", "7")
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as connection:
        connection.executescript(DAMAGE)
    for mode in MODES:
        line = mode.line.format(folder=tmp_path, server=server)
        done = run(settings, tmp_path, "django", *line.split(), ok=False)
        told = f"{line}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        assert "Traceback" not in done.stderr, told
        assert done.returncode == mode.status, told
        assert mode.says in done.stdout, told
        if "--json" in line:
            json.loads(done.stdout)
