"""run.log, and -v 2 and -v 3: what a user sends when a run fails."""

import re
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from tests.conftest import MakeSource, Query, run_python
from tests.tiers import first_in_ci

#: A value of a row, in a column that is no secret.
NEEDLE = "Needle-Teacher"


@pytest.fixture
def source_with_secret(make_source: MakeSource, sqlite: Query, tmp_path: Path) -> Path:
    path = Path(shutil.copy(make_source("none"), tmp_path / "source.sqlite3"))
    sqlite(path, f"UPDATE attributions_teacher SET last_name = '{NEEDLE}' WHERE id = 1")
    return path


def move(source: Path, url: str, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return run_python("manage.py", "migrate_to_pg", "--source", source, "--target", url, "--report", folder, *more)


def test_a_move_is_logged_without_a_value_or_a_password(
    source_with_secret: Path, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With the migrations themselves.
    monkeypatch.setenv("START_COLD", "1")
    result = move(source_with_secret, postgres_url.replace("postgres@", "postgres:pass-word@"), tmp_path / "report")
    assert result.returncode == 0, result.stderr
    log = tmp_path / "report/run.log"
    assert oct(log.stat().st_mode)[-3:] == "600"
    text = log.read_text()
    for line in text.splitlines():
        assert datetime.fromisoformat(" ".join(line.split()[:2])).tzinfo, line
    for stage in ("snapshot", "stage", "load", "restore", "prove", "publish"):
        assert re.search(rf"INFO migrate_to_pg.pipeline.run: stage {stage} ends after \d+\.\d+ s", text), stage
    assert re.search(r"DEBUG migrate_to_pg.load.copy: attributions_teacher .*: \d+ rows, \d+\.\d+ s", text)
    assert re.search(r"statement_log: \d+\.\d+ s, -?\d+ rows: CREATE SCHEMA", text)
    assert "INFO migrate_to_pg.project.migrations: applied attributions.0001_initial" in text
    assert "relations were locked for" in text
    assert NEEDLE not in text
    assert "pass-word" not in text
    assert "migrate_to_pg.postgres" not in result.stderr


@pytest.mark.parametrize(("verbosity", "statements"), first_in_ci(("3", True), ("2", False)))
def test_the_log_is_shown_on_standard_error(
    source_with_secret: Path, postgres_url: str, tmp_path: Path, verbosity: str, statements: bool
) -> None:
    result = move(source_with_secret, postgres_url, tmp_path / "report", "--rehearse", "-v", verbosity)
    assert result.returncode == 0, result.stderr
    assert "INFO migrate_to_pg.pipeline.run: stage load begins" in result.stderr
    assert ("DEBUG migrate_to_pg.postgres.statement_log" in result.stderr) is statements
    assert "INFO" not in result.stdout
    assert NEEDLE not in result.stderr


def test_a_failed_run_leaves_its_log_and_a_refused_one_none(
    source_with_secret: Path, sqlite: Query, postgres_url: str, tmp_path: Path
) -> None:
    sqlite(source_with_secret, "DELETE FROM courses_course WHERE id = 1")
    result = move(source_with_secret, postgres_url, tmp_path / "blocked")
    assert result.returncode == 1
    assert "stopped by BlockedError" in (tmp_path / "blocked/run.log").read_text()
    result = move(source_with_secret, "postgres://nobody@127.0.0.1:1/nothing", tmp_path / "refused")
    assert result.returncode != 0
    assert not (tmp_path / "refused").exists()
