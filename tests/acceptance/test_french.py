"""The commands in French: the same facts, the same statuses; what differs is the sentences."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeSource, Run

#: What is a sentence, or measured, in the report's JSON.
SENTENCES = {
    "source_choice",
    "continue_with",
    "explanation",
    "remedy",
    "message",
    "detail",
    "next_steps",
    "reason",
    "what",
    "command",
}
MEASURED = {"seconds", "started", "locked_seconds", "snapshot", "sha256", "sha256_after", "fingerprint", "path"}


def facts(value: Any) -> Any:
    """The same without what a language or a clock changes."""
    if isinstance(value, dict):
        return {k: facts(v) for k, v in value.items() if k not in SENTENCES | MEASURED and "time" not in k}
    if isinstance(value, str):
        # What stands in brackets behind a sample's value is a note.
        return re.sub(r" \(.*\)$", "", value)
    return [facts(item) for item in value] if isinstance(value, list) else value


@pytest.fixture
def check(python: Run, tmp_path: Path) -> Callable[[Path, str], subprocess.CompletedProcess[str]]:
    def run(source: Path, language: str) -> subprocess.CompletedProcess[str]:
        report = tmp_path / language
        return python(
            "manage.py", "migrate_to_pg", "--check", "--source", source, "--report", report, "--lang", language
        )

    return run


def test_every_fault_of_the_legacy_database_is_the_same_finding_in_french(
    check: Callable[[Path, str], subprocess.CompletedProcess[str]], make_source: MakeSource, tmp_path: Path
) -> None:
    runs = {language: check(make_source("all"), language) for language in ("en", "fr")}
    assert [run.returncode for run in runs.values()] == [1, 1], runs["fr"].stderr
    english, french = (json.loads((tmp_path / language / "report.json").read_text()) for language in runs)
    assert facts(french) == facts(english)
    for one, other in zip(english["findings"], french["findings"], strict=True):
        assert one["explanation"] != other["explanation"], one["rule"]
        assert one["remedy"] != other["remedy"], one["rule"]


def test_nothing_of_a_french_run_is_english(
    check: Callable[[Path, str], subprocess.CompletedProcess[str]], make_source: MakeSource
) -> None:
    words = re.compile(r"\b(the|and|rows?|which|would|where|database|is|are|not|done|found)\b")
    run = check(make_source("all"), "fr")
    told = [line for line in (run.stdout + run.stderr).splitlines() if words.search(line)]
    # SQL, SQLite's own messages and names of rules are as they are in every language.
    kept = re.compile(r"`|SELECT|UPDATE|CREATE|DELETE|[a-z]+-(and|not|in)-|IS NOT NULL")
    assert [line for line in told if not kept.search(line)] == []


@pytest.mark.full
def test_mending_quarantine_orm_and_verify_only_in_french(
    python: Run, make_source: MakeSource, tmp_path: Path, postgres_url: str
) -> None:
    source = shutil.copy(make_source("all"), tmp_path / "source.sqlite3")
    where = ("--source", source, "--target", postgres_url, "--report", tmp_path / "move", "--leftovers", "skip")
    fixes = json.loads(python("manage.py", "sqlite_doctor", source, "--json").stdout)["findings"]
    lossy = ",".join(sorted({f["rule"] for f in fixes if f.get("repair") == "lossy"}))
    arguments = (*where, "--fix", f"all,{lossy}", "--quarantine", "all", "--verify", "orm")
    moved = python("manage.py", "migrate_to_pg", *arguments, LANGUAGE="fr")
    assert moved.returncode == 0, moved.stdout + moved.stderr
    assert "Publié\u00a0: " in moved.stdout
    assert "Compte rendu\u00a0: " in moved.stdout
    page = (tmp_path / "move" / "report.html").read_text()
    assert '<html lang="fr">' in page
    kept = (
        "--source",
        tmp_path / "move" / "snapshot.sqlite3",
        "--target",
        postgres_url,
        "--report",
        tmp_path / "again",
    )
    again = python("manage.py", "migrate_to_pg", "--verify-only", *kept, LANGUAGE="fr")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Vérifié\u00a0: " in again.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("migrate_to_pg", "--rehearse", "--target", "mysql://x/y"), "n’est pas PostgreSQL"),
        (("migrate_to_pg", "--source", "nowhere.sqlite3", "--check"), "Il n’y a pas de base SQLite"),
        (("migrate_to_pg", "--check", "--fix", "nothing"), "il n’y a pas de telle règle"),
        (("sqlite_doctor", "nowhere.sqlite3"), "Nommez la base"),
    ],
)
def test_errors_in_french(python: Run, arguments: tuple[str, ...], told: str) -> None:
    run = python("manage.py", *arguments, LANGUAGE="fr_FR")
    assert run.returncode != 0
    assert told in run.stdout + run.stderr
