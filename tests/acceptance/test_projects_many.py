"""More tables than a transaction likes to lock, on a server with default settings."""

import signal
from pathlib import Path

import pytest

from tests.acceptance.test_projects import SCHEMAS
from tests.conftest import run_sql
from tests.projects import Project

pytestmark = pytest.mark.full


def test_hundreds_of_models_are_published_replaced_undone_and_cleaned_up(tmp_path: Path, postgres_url: str) -> None:
    assert run_sql(postgres_url, "SHOW max_locks_per_transaction") == [("64",)]
    many = Project("many", tmp_path)
    many.migrate()
    many.sqlite("INSERT INTO many_model7 (name, text) VALUES ('a', 'b')")
    assert many.stop_at(postgres_url, "prove", signal.SIGKILL).returncode == -signal.SIGKILL
    many.move(postgres_url)
    assert run_sql(postgres_url, SCHEMAS) == []
    many.move(postgres_url, "--replace")
    many.undo(postgres_url)
    assert run_sql(postgres_url, "SELECT name FROM many_model7") == [("a",)]
    purged = many.run("migrate_to_pg", "--purge", "--no-input", "--target", postgres_url)
    assert "Removed" in purged.stdout
