"""SQLite while somebody else writes for longer than anybody waits: asked to come back, and told nothing of SQLite."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from demo.application import Application
from tests.conftest import ROOT


def test_a_locked_database_is_503_and_nothing_is_stored(
    healthy_source: Path, tmp_path: Path, attribution_request: dict[str, str]
) -> None:
    path = shutil.copy(healthy_source, tmp_path / "db.sqlite3")
    with Application(ROOT, {"DATABASE_URL": f"sqlite:///{path}?timeout=1"}) as application:
        application.log_in("secretaire", "demo")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            status, answer = application.post("/attribution/", attribution_request)
            other.execute("ROLLBACK")
        assert (status, answer["results"][0]["status"]) == (503, "unavailable")
        assert "n’est pas attribué" in answer["message"]
        assert "locked" not in str(answer)
        assert "database is locked" in application.log()
        assert application.post("/attribution/", attribution_request)[0] == 201
